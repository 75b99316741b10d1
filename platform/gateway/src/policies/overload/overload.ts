import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Step } from '../../exchange.ts';
import type { Refusal } from '../../wire/rules/refusal.ts';
import type { LoadPriority, OverloadConfig } from './config.ts';

export interface Load {
  /** Requests in this process that have no complete answer yet. */
  readonly inFlight: number;
  /** How late the event loop is, the median of the last half second, in ms. */
  readonly loopDelayMs: number;
}

const OVERLOADED: Refusal = { status: 503, code: 'overloaded', headers: [['retry-after', '1']] };

/** By how much a limit must be passed before a priority goes too. */
const PATIENCE: Readonly<Record<LoadPriority, number>> = { low: 1, normal: 1.5, critical: 2 };

/**
 * Refuses with 503 while there is more work than can be done: low priority from the limits on, normal from one
 * and a half times, critical from twice of them.
 */
export function compileOverload(
  { maxInFlight, maxLoopDelayMs }: OverloadConfig,
  priority: LoadPriority,
  load: () => Load,
): Step | undefined {
  if (maxInFlight === Number.POSITIVE_INFINITY && maxLoopDelayMs === Number.POSITIVE_INFINITY)
    return undefined;
  const most = maxInFlight * PATIENCE[priority];
  const latestMs = maxLoopDelayMs * PATIENCE[priority];
  return () => {
    const { inFlight, loopDelayMs } = load();
    return inFlight > most || loopDelayMs > latestMs ? OVERLOADED : undefined;
  };
}

export interface LoopDelay {
  /** The median of the last half second, 0 before it is known. */
  readonly medianMs: number;
  close(): void;
}

const RESOLUTION_MS = 10;
const WINDOW_MS = 500;

/** One for the process: it costs a timer of 10 ms. */
export function measureLoopDelay(): LoopDelay {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  histogram.enable();
  let medianMs = 0;
  const sampling = setInterval(() => {
    // What is recorded is the time between two ticks, the tick itself included.
    medianMs = histogram.count === 0 ? 0 : Math.max(0, histogram.percentile(50) / 1e6 - RESOLUTION_MS);
    histogram.reset();
  }, WINDOW_MS);
  sampling.unref();
  return {
    get medianMs() {
      return medianMs;
    },
    close: () => {
      clearInterval(sampling);
      histogram.disable();
    },
  };
}
