/** What is known about the calls to one instance. */
export interface Load {
  readonly inFlight: number;
  /** Of recent calls, decaying, failures counted as slow. 0 = none yet. */
  readonly latencyMs: number;
}

export type CallOutcome = 'answered' | 'failed' | 'abandoned';

export interface TrackedLoad extends Load {
  /** A call begins; what is returned ends it, once. */
  begin(): (outcome: CallOutcome) => void;
}

/** What a failure weighs at least: failing fast must not look like being fast. */
const FAILURE_MS = 1_000;
const DECAY = 0.2;

export function createLoad(nowMs: () => number): TrackedLoad {
  const load = {
    inFlight: 0,
    latencyMs: 0,
    begin: () => {
      const startedAtMs = nowMs();
      let isRunning = true;
      load.inFlight += 1;
      return (outcome: CallOutcome) => {
        if (!isRunning) return;
        isRunning = false;
        load.inFlight -= 1;
        if (outcome === 'abandoned') return; // nothing is learnt of it
        const tookMs = nowMs() - startedAtMs;
        const ms = outcome === 'answered' ? tookMs : Math.max(tookMs, FAILURE_MS);
        load.latencyMs = load.latencyMs === 0 ? ms : load.latencyMs + (ms - load.latencyMs) * DECAY;
      };
    },
  };
  return load;
}
