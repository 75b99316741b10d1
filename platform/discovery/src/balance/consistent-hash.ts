import { hashText } from './hash.ts';
import type { Load } from './load.ts';

export interface HashedChoice {
  readonly id: string;
  readonly weight: number;
  readonly load: Load;
}

/** The choices of a key, the best first: when one cannot be used the next stands in, for this key alone. */
export interface Ring<T> {
  /** `isUsable` is asked until it says yes; `undefined` when it never does. */
  find(key: string, isUsable: (choice: T) => boolean): T | undefined;
}

/** Places on the ring for each instance of weight 1: with 160 the busiest has about a tenth more keys than it should. */
const PLACES = 160;
const MAX_PLACES = 16 * PLACES;
/** No instance gets more than so many times the average: a hot key is not all for one. */
const LOAD_FACTOR = 1.25;

/** A ring: when an instance comes or goes, only the keys that were or are its own move. */
export function createRing<T extends HashedChoice>(choices: readonly T[]): Ring<T> {
  const places = choices
    .flatMap((choice) =>
      Array.from({ length: Math.min(MAX_PLACES, Math.ceil(PLACES * choice.weight)) }, (_, number) => ({
        at: hashText(choice.id, number + 1),
        choice,
      })),
    )
    .sort((one, other) => one.at - other.at || (one.choice.id < other.choice.id ? -1 : 1));

  /** The first place at or behind the hash. */
  function start(hash: number): number {
    let low = 0;
    let high = places.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((places[middle]?.at ?? 0) < hash) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  function walk(key: string, isUsable: (choice: T) => boolean): T | undefined {
    const from = start(hashText(key));
    const seen = new Set<T>();
    for (let step = 0; step < places.length && seen.size < choices.length; step += 1) {
      const choice = places[(from + step) % places.length]?.choice;
      if (choice === undefined || seen.has(choice)) continue;
      if (isUsable(choice)) return choice;
      seen.add(choice);
    }
    return undefined;
  }

  return {
    find: (key, isUsable) => {
      let running = 1;
      let weights = 0;
      for (const { load, weight } of choices) {
        running += load.inFlight;
        weights += weight;
      }
      const hasRoom = ({ load, weight }: T) =>
        load.inFlight + 1 <= Math.ceil((running * weight * LOAD_FACTOR) / weights);
      return walk(key, (choice) => hasRoom(choice) && isUsable(choice)) ?? walk(key, isUsable);
    },
  };
}
