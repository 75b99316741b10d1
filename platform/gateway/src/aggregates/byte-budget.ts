/** Memory that may be used for responses that wait, in bytes. */
export interface ByteBudget {
  /** How many of these bytes may be kept: they count until they are given back. */
  take(bytes: number): number;
  /** Has its own limit been met, not the one of what it is a part of? */
  readonly isFull: boolean;
  /** All that was taken. */
  giveBack(bytes?: number): void;
}

export function createByteBudget(maxBytes: number, whole?: ByteBudget): ByteBudget {
  let taken = 0;
  return {
    take: (bytes) => {
      const own = Math.min(bytes, maxBytes - taken);
      const kept = whole === undefined ? own : whole.take(own);
      taken += kept;
      return kept;
    },
    get isFull() {
      return taken >= maxBytes;
    },
    giveBack: (bytes = taken) => {
      taken -= bytes;
      whole?.giveBack(bytes);
    },
  };
}
