/** How much longer the pause between two looks becomes at most while nothing is found and hints arrive. */
export const REST_POLLS = 10;

/**
 * Does anything wait in a table for its moment, as far as this process can know? It may until the first count, after each row it added
 * itself, and whenever it may have come to rows of others.
 */
export interface WaitingRows {
  mayBeSome(): boolean;
  added(): void;
  /** Takes the number of all such rows; one that was added while they were counted may not be among them. */
  count<T>(read: () => Promise<T>, rowsOf: (found: T) => number): Promise<T>;
}

export function createWaitingRows(): WaitingRows {
  let mayBeSome = true;
  let additions = 0;
  return {
    mayBeSome: () => mayBeSome,
    added: () => {
      mayBeSome = true;
      additions += 1;
    },
    count: async (read, rowsOf) => {
      const before = additions;
      const found = await read();
      mayBeSome = additions > before || rowsOf(found) > 0;
      return found;
    },
  };
}
