import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Principal } from '@flotilla/auth';
import { newTrace, parseTraceparent, type TraceContext } from '@flotilla/telemetry';
import { problemJson, type Refusal } from './refusal.ts';
import type { StoredAnswer } from './response-cache.ts';

/** One request and its answer, and what is found out about them on the way. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly trace: TraceContext;
  /** Address of the TCP peer, never in the `::ffff:` form. */
  readonly clientAddress: string;
  /** Aborts when the client went away or the time is over; the reason says which. */
  readonly signal: AbortSignal;
  /** Fields that every kind of answer carries, name and value in turn. */
  readonly answerHeaders: string[];
  /** Template of the route, for logs and metrics; empty while there is none. */
  route: string;
  principal: Principal | undefined;
  /** Ends the exchange unless an answer has begun by then. */
  startDeadline(ms: number): void;
  remainingMs(): number;
  /** An answer begins: the deadline has been met. */
  stopDeadline(): void;
  /** Sends `100 Continue` if the client waits for it; at most once. */
  askForBody(): void;
}

type EndReason = 'client-gone' | 'deadline';

const MAX_DISCARDED_BYTES = 1024 * 1024;

export function createExchange(
  request: IncomingMessage,
  response: ServerResponse,
  expectsContinue: 'expects-continue' | 'expects-nothing',
): Exchange {
  const trace = parseTraceparent(single(request.headers['traceparent'])) ?? newTrace();
  const ending = new AbortController();
  const end = (reason: EndReason) => ending.abort(reason);
  let waitsForContinue = expectsContinue === 'expects-continue';
  let deadline: NodeJS.Timeout | undefined;
  let endsAtMs = Number.POSITIVE_INFINITY;
  response.on('close', () => {
    clearTimeout(deadline);
    if (!response.writableFinished) end('client-gone');
  });
  return {
    request,
    response,
    trace,
    clientAddress: (request.socket.remoteAddress ?? '').replace(/^::ffff:/, ''),
    signal: ending.signal,
    answerHeaders: ['x-request-id', trace.traceId],
    route: '',
    principal: undefined,
    startDeadline: (ms) => {
      endsAtMs = performance.now() + ms;
      deadline = setTimeout(end, ms, 'deadline');
    },
    remainingMs: () => Math.max(0, Math.floor(endsAtMs - performance.now())),
    stopDeadline: () => clearTimeout(deadline),
    askForBody: () => {
      if (waitsForContinue) response.writeContinue();
      waitsForContinue = false;
    },
  };
}

function single(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}

/** Answers in the gateway's own name. */
export function refuse(exchange: Exchange, refusal: Refusal): void {
  const { request, response, trace } = exchange;
  exchange.stopDeadline();
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  const body = refusal.text ?? problemJson(refusal, trace.traceId);
  const type = refusal.text === undefined ? 'application/problem+json' : 'text/plain; charset=utf-8';
  const headers = [...exchange.answerHeaders, ...(refusal.headers ?? []).flat()];
  headers.push('content-type', type, 'content-length', String(Buffer.byteLength(body)));
  if (refusal.closes) headers.push('connection', 'close');
  response.writeHead(refusal.status, headers);
  response.end(body);
  discardBody(request);
}

/** Reads what is left of a body nobody wants, so that the connection stays usable; a large rest costs it its life. */
export function discardBody(request: IncomingMessage): void {
  if (request.complete || request.destroyed) return;
  let bytes = 0;
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > MAX_DISCARDED_BYTES) request.socket.destroySoon();
  });
  request.on('error', () => request.socket.destroy());
  request.resume();
}

export function answerFromCache(
  { response, answerHeaders, request }: Exchange,
  stored: StoredAnswer,
  nowMs: number,
): void {
  const age = String(Math.floor((nowMs - stored.storedAtMs) / 1000));
  const headers = [...answerHeaders, ...withoutField(stored.headers, 'age'), 'age', age];
  response.writeHead(200, stored.reason, headers);
  response.end(request.method === 'HEAD' ? undefined : stored.body);
}

function withoutField(headers: readonly string[], name: string): readonly string[] {
  return headers.filter((_, index) => headers[index - (index % 2)]?.toLowerCase() !== name);
}
