/** Runs one saga of three steps from its start to the moment at which its end is known. */
export type RunSaga = (n: number) => Promise<void>;

export interface Load {
  readonly sagas: number;
  /** Begun and not yet ended, at most. */
  readonly inFlight: number;
}

export interface Outcome {
  readonly latenciesMs: Float64Array;
  readonly elapsedMs: number;
}

export function sagaCommands(runSaga: RunSaga) {
  return {
    run: async ({ sagas, inFlight }: Load): Promise<Outcome> => {
      const latenciesMs = new Float64Array(sagas);
      const start = performance.now();
      let next = 0;
      const lane = async (): Promise<void> => {
        while (next < sagas) {
          const n = next;
          next += 1;
          const begun = performance.now();
          await runSaga(n);
          latenciesMs[n] = performance.now() - begun;
        }
      };
      await Promise.all(Array.from({ length: inFlight }, lane));
      return { latenciesMs, elapsedMs: performance.now() - start };
    },
  };
}

/** What a participant answers. */
export interface StepResult {
  readonly step: string;
  readonly reference: string;
}

/** A step is a local function: what is measured is the engine, not a network. */
export async function takeStep(step: string, order: string): Promise<StepResult> {
  return { step, reference: `${step}-${order}` };
}
