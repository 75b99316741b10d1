import { isPlatformError } from '@flotilla/kernel';
import { currentContext, runInContext } from './context.ts';
import type { Logger } from './logger.ts';
import { childOf, newTrace, type TraceContext } from './trace-context.ts';

export type SpanAttributes = Readonly<Record<string, string | number | boolean>>;

/** One measured operation that has ended. */
export interface Span {
  readonly name: string;
  readonly trace: TraceContext;
  readonly parentSpanId?: string;
  readonly startedAt: Date;
  readonly durationMs: number;
  readonly attributes: SpanAttributes;
  /** The code or name of the error that ended it. */
  readonly error?: string;
}

/** Receives every span when it ends. Must not throw and must return at once. */
export type RecordSpan = (span: Span) => void;

/**
 * Runs `work` as a child operation of the current context and reports its duration to the context's
 * `recordSpan`. Errors pass through unchanged. Without a current context a new trace is begun.
 */
export async function withSpan<T>(
  name: string,
  attributes: SpanAttributes,
  work: () => Promise<T> | T,
): Promise<T> {
  const parent = currentContext();
  const trace = parent ? childOf(parent.trace) : newTrace();
  const startedAt = new Date();
  const start = performance.now();
  const end = (error?: string) =>
    parent?.recordSpan?.({
      name,
      trace,
      parentSpanId: parent.trace.spanId,
      startedAt,
      durationMs: performance.now() - start,
      attributes,
      ...(error !== undefined && { error }),
    });
  try {
    const result = await runInContext({ ...parent, trace }, work);
    end();
    return result;
  } catch (error) {
    end(errorName(error));
    throw error;
  }
}

/** Writes spans as debug lines, for a process without an exporter. */
export function logSpans(logger: Logger): RecordSpan {
  return ({ trace, ...span }) =>
    logger.debug({ ...span, trace_id: trace.traceId, span_id: trace.spanId }, `span ${span.name}`);
}

function errorName(error: unknown): string {
  if (isPlatformError(error)) return error.code;
  return error instanceof Error ? error.name : 'unknown';
}
