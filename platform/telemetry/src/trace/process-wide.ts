import type { LogRecord } from './log-record.ts';
import type { RecordSpan } from './span.ts';

/**
 * What a process has once, as with OpenTelemetry's own API: where spans and log lines go besides, and which traces are sampled. Set while
 * it starts (`startTelemetry`); the packages that make spans need not be told.
 */
export interface ProcessTelemetry {
  /** For work whose context says nothing else. */
  readonly recordSpan?: RecordSpan | undefined;
  readonly recordLog?: ((record: LogRecord) => void) | undefined;
  readonly sampler?: Sampler | undefined;
}

export interface Sampler {
  /** Whether the decision of a caller counts. */
  readonly followsParent: boolean;
  /** The same answer for the same trace in every process. */
  isSampled(traceId: string): boolean;
}

let current: ProcessTelemetry = {};

export function processTelemetry(): ProcessTelemetry {
  return current;
}

/** Returns what takes it back. */
export function setProcessTelemetry(next: ProcessTelemetry): () => void {
  const before = current;
  current = next;
  return () => {
    if (current === next) current = before;
  };
}
