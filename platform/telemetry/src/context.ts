import { AsyncLocalStorage } from 'node:async_hooks';
import type { RecordSpan } from './trace/span.ts';
import type { TraceContext } from './trace/trace-context.ts';

/** What is known about the work in progress, wherever in the call tree it is asked for. */
export interface RequestContext {
  readonly trace: TraceContext;
  /** When the caller stops waiting, on the clock of `performance.now()`, in milliseconds. */
  readonly deadlineAt?: number;
  /** Ties together everything that one business process did, across requests and messages. */
  readonly correlationId?: string;
  /** Above 0 when this work is a repetition: whoever repeats it has the say, and nobody below repeats anything. */
  readonly retryAttempt?: number;
  /** How much it matters that this work is done when not all can be. */
  readonly priority?: 'sheddable' | 'normal' | 'critical';
  /** In whose name it is done. What no request or message of a user asks for is done in the system's. */
  readonly acting?: Acting;
  /** Where finished spans of this work go. Default: where those of the process go. */
  readonly recordSpan?: RecordSpan;
  /** What libraries that use the API of OpenTelemetry keep in their own context. */
  readonly foreign?: unknown;
}

/** The user, or `nobody` where a request did not say who sends it. */
export type Acting = { readonly subject: string; readonly tenantId?: string | undefined } | 'nobody';

const storage = new AsyncLocalStorage<RequestContext>();

/** The context of the running request or message; `undefined` outside of any. */
export function currentContext(): RequestContext | undefined {
  return storage.getStore();
}

/** Runs `work`, and everything it awaits, inside `context`. */
export function runInContext<T>(context: RequestContext, work: () => T): T {
  return storage.run(context, work);
}

/** In whose name the running work is done; `undefined`: in the system's. For `acting` of `@flotilla/postgres`. */
export function currentActing(): Acting | undefined {
  return storage.getStore()?.acting;
}

/**
 * Runs `work` in the system's name, within a request of a user: for what it needs of rows that are not the user's. Say why beside each use.
 */
export function asSystem<T>(work: () => T): T {
  const context = storage.getStore();
  if (context?.acting === undefined) return work();
  const { acting: _left, ...rest } = context;
  return storage.run(rest, work);
}

/** Milliseconds until the current deadline, never below 0; `undefined` when there is none. */
export function remainingMs(): number | undefined {
  const deadlineAt = storage.getStore()?.deadlineAt;
  return deadlineAt === undefined ? undefined : Math.max(0, deadlineAt - performance.now());
}
