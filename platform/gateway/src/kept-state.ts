import { canonicalJson, type Json } from '@flotilla/kernel';

/** State of routes that outlives a reload: budgets, circuits, cookies. */
export interface KeptState {
  /** The state made before for this kind, id and options, else a new one. A change of the options is a new beginning. */
  of<T>(kind: string, id: string, options: unknown, make: () => T): T;
  /** Forgets what was not asked for since the last call: routes that are gone. */
  sweep(): void;
}

export function createKeptState(): KeptState {
  let before = new Map<string, unknown>();
  let current = new Map<string, unknown>();
  return {
    of: <T>(kind: string, id: string, options: unknown, make: () => T): T => {
      const key = [kind, id, canonicalJson(plain(options))].join('\n');
      const known = current.get(key) ?? before.get(key);
      const state = known === undefined ? make() : (known as T); // made by the same `make` for the same kind
      current.set(key, state);
      return state;
    },
    sweep: () => {
      before = current;
      current = new Map();
    },
  };
}

/** Maps and sets have no JSON of their own. */
function plain(options: unknown): Json {
  const text = JSON.stringify(options ?? null, (_, value: unknown) =>
    value instanceof Map || value instanceof Set ? [...value] : value,
  );
  return JSON.parse(text) as Json;
}
