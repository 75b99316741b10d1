/** Places for work at once, shared so that nobody's work keeps others out. Keys name whose work it is. */
export interface FairPlaces {
  /** Places that nobody holds. */
  free(): number;
  /** How many more this key may take now. Work without a key takes whatever is free. */
  room(key: string | undefined): number;
  /** Would one more be within its share, also when none is free just now? */
  isFair(key: string | undefined): boolean;
  /** Takes one, whatever room there is. */
  take(key: string | undefined): void;
  leave(key: string | undefined): void;
  /** The room of each key that holds a place, and that of every other one. */
  rooms(): FairRooms;
}

export interface FairRooms {
  readonly keys: readonly string[];
  readonly places: readonly number[];
  readonly ofOthers: number;
}

/**
 * Of `k` keys at work each may hold a `k + 1`th of the places: one share is always left, or becomes free with what ends
 * next, for whoever comes with a new key. A single key works at half of the places.
 */
export function createFairPlaces(places: number): FairPlaces {
  const held = new Map<string, number>();
  let taken = 0;
  const share = (keys: number) => Math.max(1, Math.floor(places / (keys + 1)));
  const free = () => Math.max(0, places - taken);
  const fairRoom = (key: string | undefined) => {
    if (key === undefined) return places;
    const own = held.get(key);
    return own === undefined ? share(held.size + 1) : Math.max(0, share(held.size) - own);
  };
  const room = (key: string | undefined) => Math.min(free(), fairRoom(key));
  return {
    free,
    room,
    isFair: (key) => fairRoom(key) > 0,
    take: (key) => {
      taken += 1;
      if (key !== undefined) held.set(key, (held.get(key) ?? 0) + 1);
    },
    leave: (key) => {
      taken -= 1;
      if (key === undefined) return;
      const left = (held.get(key) ?? 1) - 1;
      if (left === 0) held.delete(key);
      else held.set(key, left);
    },
    rooms: () => {
      const keys = [...held.keys()];
      return { keys, places: keys.map(room), ofOthers: share(held.size + 1) };
    },
  };
}
