/** Values by name, made once for the same options. Those of configured names are all kept, of others so many. */
export interface KeptValues<Value> {
  /** Made anew when the fingerprint of the options is another than the last time. */
  of(name: string, fingerprint: string, make: () => Value): Value;
  get(name: string): Value | undefined;
  entries(): readonly (readonly [name: string, value: Value])[];
  retain(stays: (name: string) => boolean): void;
}

interface KeptValuesOptions<Value> {
  readonly maxOthers: number;
  readonly configured: () => ReadonlySet<string>;
  readonly forget: (value: Value) => void;
}

export function createKeptValues<Value>(options: KeptValuesOptions<Value>): KeptValues<Value> {
  const { maxOthers, configured, forget } = options;
  const kept = new Map<string, { readonly fingerprint: string; readonly value: Value }>();

  function drop(name: string): void {
    const held = kept.get(name);
    if (held === undefined) return;
    kept.delete(name);
    forget(held.value);
  }

  /** Of the names that are not configured the one that was added first goes. */
  function dropOldest(latest: string): void {
    const isOther = (name: string) => name !== latest && !configured().has(name);
    const oldest = [...kept.keys()].find(isOther);
    if (oldest !== undefined) drop(oldest);
  }

  return {
    of: (name, fingerprint, make) => {
      const known = kept.get(name);
      if (known?.fingerprint === fingerprint) return known.value;
      const value = make();
      drop(name);
      kept.set(name, { fingerprint, value });
      if (kept.size > configured().size + maxOthers) dropOldest(name);
      return value;
    },
    get: (name) => kept.get(name)?.value,
    entries: () => [...kept].map(([name, { value }]) => [name, value] as const),
    retain: (stays) => {
      for (const name of kept.keys()) if (!stays(name)) drop(name);
    },
  };
}
