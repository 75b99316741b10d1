import { monitorEventLoopDelay } from 'node:perf_hooks';

/** How late the event loop is, the median of the last half second. */
export interface LoopDelay {
  /** 0 before it is known: for half a second after nobody had asked for a while. */
  readonly medianMs: number;
  close(): void;
}

const RESOLUTION_MS = 50;
const WINDOW_MS = 500;
/** Windows in which nobody asks, until measuring ends: an idle process is not woken up for it. */
const UNASKED = 10;

/** One for the process: while it is asked it costs a timer of 50 ms. */
export function measureLoopDelay(): LoopDelay {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  let medianMs = 0;
  let unasked = 0;
  let sampling: NodeJS.Timeout | undefined;

  function sample(): void {
    // What is recorded is the time between two ticks, the tick itself included.
    medianMs = histogram.count === 0 ? 0 : Math.max(0, histogram.percentile(50) / 1e6 - RESOLUTION_MS);
    histogram.reset();
    unasked += 1;
    if (unasked > UNASKED) end();
  }

  function begin(): void {
    histogram.enable();
    sampling = setInterval(sample, WINDOW_MS).unref();
  }

  function end(): void {
    clearInterval(sampling);
    sampling = undefined;
    histogram.disable();
    histogram.reset();
    medianMs = 0;
  }

  let isClosed = false;
  return {
    get medianMs() {
      unasked = 0;
      if (sampling === undefined && !isClosed) begin();
      return medianMs;
    },
    close: () => {
      isClosed = true;
      end();
    },
  };
}
