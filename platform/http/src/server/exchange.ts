import type { IncomingMessage, ServerResponse } from 'node:http';
import { actingFor, type Principal } from '@flotilla/auth';
import { unlessAborted } from '@flotilla/kernel';
import { PRIORITY_FIELD, RETRY_ATTEMPT_FIELD } from '@flotilla/resilience';
import {
  childOf,
  newTrace,
  parseTraceparent,
  type RequestContext,
  runInContext,
  UNMATCHED_ROUTE,
} from '@flotilla/telemetry';
import { httpError } from '../errors.ts';

/** One request on its way to its response: its trace, its deadline and its end. */
export interface Exchange {
  context: RequestContext;
  /** Of the one who asks; `undefined` when this is the first operation of its trace. */
  readonly callerSpanId: string | undefined;
  readonly startedAt: number;
  /** The route's template; set when the router has found it. */
  route: string;
  /** Set when the caller has been authenticated. */
  principal: Principal | undefined;
  /** The caller has been authenticated: what it asks for is done in its name from now on. */
  admit(principal: Principal): void;
  remainingMs(): number;
  /** Aborted when the deadline passes, the client disconnects or the host is closed by force. */
  readonly signal: AbortSignal;
  abort(reason: Error): void;
  /** Runs `work` in the request's context; rejects when the signal aborts, even when `work` ignores it. */
  run<T>(work: () => Promise<T>): Promise<T>;
}

export interface ExchangeOptions {
  /** Longest a request may take. A caller can ask for less, never for more. */
  readonly requestTimeoutMs: number;
}

export function openExchange(
  request: IncomingMessage,
  response: ServerResponse,
  options: ExchangeOptions,
): Exchange {
  const startedAt = performance.now();
  const deadlineAt = startedAt + allowedMs(request, options.requestTimeoutMs);
  const caller = parseTraceparent(single(request.headers['traceparent']));
  const correlationId = single(request.headers['x-correlation-id']);
  const controller = new AbortController();
  const priority = single(request.headers[PRIORITY_FIELD]);
  const retryAttempt = attemptOf(single(request.headers[RETRY_ATTEMPT_FIELD]));
  const context: RequestContext = {
    acting: 'nobody',
    trace: caller ? childOf(caller) : newTrace(),
    deadlineAt,
    ...(correlationId !== undefined && isPlain(correlationId) && { correlationId }),
    ...(retryAttempt > 0 && { retryAttempt }),
    ...((priority === 'sheddable' || priority === 'normal') && { priority }),
  };
  response.once('close', () => {
    if (!response.writableFinished)
      controller.abort(httpError('HTTP_CLIENT_GONE', 'the client disconnected'));
  });
  const remainingMs = () => deadlineAt - performance.now();

  const exchange: Exchange = {
    context,
    callerSpanId: caller?.spanId,
    startedAt,
    route: UNMATCHED_ROUTE,
    principal: undefined,
    admit: (admitted) => {
      exchange.principal = admitted;
      exchange.context = actFor(admitted, exchange.context);
    },
    remainingMs,
    signal: controller.signal,
    abort: (reason) => controller.abort(reason),
    run: (work) => {
      const expire = (details = {}) =>
        controller.abort(
          httpError('HTTP_DEADLINE_EXCEEDED', 'the deadline of the request passed', { details }),
        );
      if (remainingMs() <= 0) expire({ unserved: true });
      const timer = setTimeout(expire, Math.max(0, remainingMs()));
      const ended = unlessAborted(controller.signal, () => runInContext(exchange.context, work));
      return ended.finally(() => clearTimeout(timer));
    },
  };
  return exchange;
}

/** Anybody may say that a request is a repetition: it only takes repetitions of ours away. */
function attemptOf(text: string | undefined): number {
  return text !== undefined && /^\d{1,3}$/.test(text) ? Number(text) : 0;
}

function actFor(principal: Principal, { acting: _nobody, ...context }: RequestContext): RequestContext {
  const acting = actingFor(principal);
  return acting === undefined ? context : { ...context, acting };
}

/** `x-request-deadline` is what the caller will still wait, in milliseconds; nonsense is ignored. */
function allowedMs(request: IncomingMessage, requestTimeoutMs: number): number {
  const header = single(request.headers['x-request-deadline']);
  if (header === undefined || !/^\d{1,9}$/.test(header)) return requestTimeoutMs;
  return Math.min(Number(header), requestTimeoutMs);
}

function single(value: string | string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** It ends up in logs and messages: short and printable only. */
function isPlain(value: string): boolean {
  return /^[\w.:-]{1,100}$/.test(value);
}
