import { monotonicMs } from './traffic.ts';

export interface Range {
  readonly from: number;
  readonly messages: number;
  /** As many of them end the waiting, whichever they are. Default: all. */
  readonly enough?: number;
}

export interface Arrived {
  /** When the handler of each message was first entered, by number from `from`. */
  readonly enteredMs: Float64Array;
  /** When the last effect was known to be committed. */
  readonly lastEffectMs: number;
}

/** Notes when messages reach their handler and when their effects are committed. */
export function createArrivals() {
  let from = 0;
  let enteredMs = new Float64Array(0);
  let effects = new Uint8Array(0);
  let missing = 0;
  let complete = Promise.withResolvers<Arrived>();

  /** The effect of message `n` has been committed. */
  function committed(n: number): void {
    const index = n - from;
    if (effects[index] !== 0) return;
    effects[index] = 1;
    missing -= 1;
    if (missing === 0) complete.resolve({ enteredMs, lastEffectMs: monotonicMs() });
  }

  return {
    /** The handler of message `n` has been entered. */
    entered: (n: number): void => {
      if (enteredMs[n - from] === 0) enteredMs[n - from] = monotonicMs();
    },
    committed,
    commands: {
      expect: async (range: Range): Promise<void> => {
        from = range.from;
        missing = range.enough ?? range.messages;
        enteredMs = new Float64Array(range.messages);
        effects = new Uint8Array(range.messages);
        complete = Promise.withResolvers();
      },
      arrived: (): Promise<Arrived> => complete.promise,
    },
  };
}
