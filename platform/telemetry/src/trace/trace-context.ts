import { randomFillSync } from 'node:crypto';
import { processTelemetry } from './process-wide.ts';

/** One position in a distributed trace, as W3C Trace Context names it. Ids are lower-case hex. */
export interface TraceContext {
  /** 32 hex digits, the same in the whole trace. */
  readonly traceId: string;
  /** 16 hex digits, this operation. */
  readonly spanId: string;
  readonly sampled: boolean;
}

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const NO_TRACE = '0'.repeat(32);
const NO_SPAN = '0'.repeat(16);

/**
 * Reads a `traceparent` header; `undefined` for anything the specification calls invalid, so that the caller
 * starts a new trace. Versions above 00 are accepted with their additional parts ignored.
 */
export function parseTraceparent(header: string | undefined): TraceContext | undefined {
  if (header === undefined) return undefined;
  const match = TRACEPARENT.exec(header.trim());
  if (match === null) return undefined;
  const [, version, traceId = NO_TRACE, spanId = NO_SPAN, flags = '00', rest] = match;
  if (version === 'ff' || (version === '00' && rest !== undefined)) return undefined;
  if (traceId === NO_TRACE || spanId === NO_SPAN) return undefined;
  const { sampler } = processTelemetry();
  const isFollowed = sampler?.followsParent ?? true;
  const sampled = isFollowed ? (Number.parseInt(flags, 16) & 1) === 1 : sampler?.isSampled(traceId) === true;
  return { traceId, spanId, sampled };
}

export function formatTraceparent(trace: TraceContext): string {
  return `00-${trace.traceId}-${trace.spanId}-${trace.sampled ? '01' : '00'}`;
}

/** The root of a new trace, sampled unless `OTEL_TRACES_SAMPLER` says otherwise. */
export function newTrace(): TraceContext {
  const traceId = randomHex(16);
  return { traceId, spanId: randomHex(8), sampled: processTelemetry().sampler?.isSampled(traceId) ?? true };
}

/** A new operation inside the same trace. */
export function childOf(trace: TraceContext): TraceContext {
  return { traceId: trace.traceId, spanId: randomHex(8), sampled: trace.sampled };
}

// Asking the system for 8 random bytes costs a microsecond; asking for 4,096 at once makes it 20 ns each.
const pool = Buffer.allocUnsafeSlow(4096);
let used = pool.length;

function randomHex(bytes: number): string {
  if (used + bytes > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  used += bytes;
  return pool.toString('hex', used - bytes, used);
}
