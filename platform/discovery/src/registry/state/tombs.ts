/** Deleted keys and when they went: whoever asks for what is gone must learn that it has changed. */
export interface Tombs {
  add(keys: readonly string[], index: number): void;
  remove(key: string): void;
  /** Of the key's deletion; of a key that was forgotten, or never was, that of the newest forgotten one. */
  indexOf(key: string): number;
  newestBelow(prefix: string): number;
}

/** Beyond this many, keys are remembered all together, by one index. */
const MAX_TOMBS = 10_000;

export function createTombs(firstIndex: number): Tombs {
  const tombs = new Map<string, number>();
  let newestForgotten = firstIndex;
  return {
    add: (keys, index) => {
      for (const key of keys) tombs.set(key, index);
      for (const [key, at] of tombs) {
        if (tombs.size <= MAX_TOMBS) break;
        tombs.delete(key);
        newestForgotten = Math.max(newestForgotten, at);
      }
    },
    remove: (key) => {
      tombs.delete(key);
    },
    indexOf: (key) => tombs.get(key) ?? newestForgotten,
    newestBelow: (prefix) => {
      let index = newestForgotten;
      for (const [key, at] of tombs) if (key.startsWith(prefix)) index = Math.max(index, at);
      return index;
    },
  };
}
