import { isPlatformError } from '@flotilla/kernel';
import { currentContext, type RequestContext, runInContext } from '../context.ts';
import type { Logger } from '../logger.ts';
import { processTelemetry } from './process-wide.ts';
import { childOf, newTrace, type TraceContext } from './trace-context.ts';

export type SpanAttribute = string | number | boolean;

/** Names are those of OpenTelemetry's semantic conventions where there is one. */
export type SpanAttributes = Readonly<Record<string, SpanAttribute | undefined>>;

export type SpanKind = 'internal' | 'server' | 'client' | 'producer' | 'consumer';

/** Another operation that this one has to do with, in the same trace or another. */
export interface SpanLink {
  readonly traceId: string;
  readonly spanId: string;
}

/** Something at one moment within an operation. */
export interface SpanEvent {
  readonly name: string;
  /** Since the epoch. */
  readonly atMs: number;
  readonly attributes?: SpanAttributes;
}

/** One measured operation that has ended. */
export interface Span {
  readonly name: string;
  /** Default `internal`. */
  readonly kind?: SpanKind;
  readonly trace: TraceContext;
  readonly parentSpanId?: string;
  /** Since the epoch, with fractions. */
  readonly startedAtMs: number;
  readonly durationMs: number;
  readonly attributes: SpanAttributes;
  readonly links?: readonly SpanLink[];
  readonly events?: readonly SpanEvent[];
  /** The code or name of the error that ended it. */
  readonly error?: string;
  /** The library that made it. Default: this platform. */
  readonly scope?: string;
}

/** Receives every span when it ends. Must not throw and must return at once. */
export type RecordSpan = (span: Span) => void;

export interface SpanOptions {
  readonly kind?: SpanKind;
  readonly links?: readonly SpanLink[];
}

/** Where spans of this work go; `undefined` when nobody wants any, so that none need be made. */
export function spanRecorder(context: RequestContext | undefined = currentContext()): RecordSpan | undefined {
  return context?.recordSpan ?? processTelemetry().recordSpan;
}

/**
 * Runs `work` as a child operation of the current context and reports it when it ends. What `work` adds to `attributes` is part of it.
 * Errors pass through unchanged. Without a current context a new trace is begun.
 */
export async function withSpan<T>(
  name: string,
  attributes: SpanAttributes,
  work: () => Promise<T> | T,
  options: SpanOptions = {},
): Promise<T> {
  const parent = currentContext();
  return await measure({ name, attributes, caller: parent?.trace, context: parent, ...options }, work);
}

/** An operation that somebody elsewhere has asked for. */
export interface IncomingSpan extends SpanOptions {
  readonly name: string;
  readonly attributes: SpanAttributes;
  /** What the caller sent of itself; `undefined` begins a new trace. */
  readonly caller: TraceContext | undefined;
  /** What is known about the work besides. */
  readonly context?: Omit<RequestContext, 'trace'> | undefined;
}

/** As `withSpan`, for work that comes from outside: nothing of the current context is kept. */
export async function withIncomingSpan<T>(span: IncomingSpan, work: () => Promise<T> | T): Promise<T> {
  return await measure(span, work);
}

async function measure<T>(
  { name, attributes, caller, context: given, ...options }: IncomingSpan,
  work: () => Promise<T> | T,
): Promise<T> {
  const trace = caller ? childOf(caller) : newTrace();
  const context = { ...given, trace };
  const record = spanRecorder(context);
  if (record === undefined) return await runInContext(context, work);
  const start = performance.now();
  const end = (error?: string) =>
    record({
      name,
      trace,
      ...(caller !== undefined && { parentSpanId: caller.spanId }),
      startedAtMs: epochMs(start),
      durationMs: performance.now() - start,
      attributes,
      ...options,
      ...(error !== undefined && { error }),
    });
  try {
    const result = await runInContext(context, work);
    end();
    return result;
  } catch (error) {
    end(errorName(error));
    throw error;
  }
}

// Moments of one process must compare to a fraction of a millisecond, which `Date.now()` does not; so it is asked how far it is from the
// monotonic clock, and again only when somebody has set it.
let originMs = performance.timeOrigin;
let checkedAtMs = 0;
const CHECK_MS = 10_000;
const TOLERATED_MS = 50;

/** A moment of `performance.now()` since the epoch. */
export function epochMs(monotonicMs: number = performance.now()): number {
  const nowMs = performance.now();
  if (nowMs - checkedAtMs > CHECK_MS) {
    checkedAtMs = nowMs;
    const measured = Date.now() - nowMs;
    if (Math.abs(measured - originMs) > TOLERATED_MS) originMs = measured;
  }
  return originMs + monotonicMs;
}

/** Writes spans as debug lines, for a process without an exporter. */
export function logSpans(logger: Logger): RecordSpan {
  return ({ trace, startedAtMs, ...span }) =>
    logger.debug(
      {
        ...span,
        startedAt: new Date(startedAtMs).toISOString(),
        trace_id: trace.traceId,
        span_id: trace.spanId,
      },
      `span ${span.name}`,
    );
}

/** As `error.type` of a span. */
export function errorName(error: unknown): string {
  if (isPlatformError(error)) return error.code;
  return error instanceof Error ? error.name : 'unknown';
}
