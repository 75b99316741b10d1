/** A map that forgets the entry which was added first when it would hold more than `max`, except those kept. */
export function addBounded<Value>(
  map: Map<string, Value>,
  key: string,
  value: Value,
  { max, isKept, forget }: BoundedMapOptions<Value>,
): void {
  map.set(key, value);
  if (map.size <= max) return;
  for (const [old, held] of map) {
    if (old === key || isKept(old)) continue;
    map.delete(old);
    forget(held);
    return;
  }
}

interface BoundedMapOptions<Value> {
  readonly max: number;
  readonly isKept: (key: string) => boolean;
  readonly forget: (value: Value) => void;
}
