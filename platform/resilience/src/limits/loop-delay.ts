import { monitorEventLoopDelay } from 'node:perf_hooks';

/** How late the event loop is, the median of the last half second. */
export interface LoopDelay {
  /** 0 before it is known. */
  readonly medianMs: number;
  close(): void;
}

const RESOLUTION_MS = 50;
const WINDOW_MS = 500;

/** One for the process: it costs a timer of 50 ms. */
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
