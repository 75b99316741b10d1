/** Calls and failures of the last `windowMs`, in slices of a twentieth. */
export interface FailureWindow {
  readonly calls: number;
  readonly failures: number;
  add(failed: boolean, nowMs: number): void;
  reset(): void;
}

const SLICES = 20;

export function createFailureWindow(windowMs: number): FailureWindow {
  const sliceMs = windowMs / SLICES;
  const callsIn = new Uint32Array(SLICES);
  const failuresIn = new Uint32Array(SLICES);
  let newest = 0;
  let calls = 0;
  let failures = 0;

  function advance(slice: number): void {
    const passed = Math.min(SLICES, slice - newest);
    for (let step = 1; step <= passed; step += 1) {
      const at = (newest + step) % SLICES;
      calls -= callsIn[at] ?? 0;
      failures -= failuresIn[at] ?? 0;
      callsIn[at] = 0;
      failuresIn[at] = 0;
    }
    // All slices are empty after a long pause, so it does not matter which of them the loop began with.
    newest = slice;
  }

  return {
    get calls() {
      return calls;
    },
    get failures() {
      return failures;
    },
    add: (failed, nowMs) => {
      const slice = Math.floor(nowMs / sliceMs);
      if (slice > newest) advance(slice);
      const at = newest % SLICES;
      callsIn[at] = (callsIn[at] ?? 0) + 1;
      calls += 1;
      if (!failed) return;
      failuresIn[at] = (failuresIn[at] ?? 0) + 1;
      failures += 1;
    },
    reset: () => {
      callsIn.fill(0);
      failuresIn.fill(0);
      calls = 0;
      failures = 0;
    },
  };
}
