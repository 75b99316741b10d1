export type JsonObject = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function objectAt(parent: unknown, name: string): JsonObject {
  const held = isObject(parent) && Object.hasOwn(parent, name) ? parent[name] : undefined;
  return isObject(held) ? held : {};
}

/** A copy in which each object has passed through `change`, the innermost first. */
export function mapObjects(value: unknown, change: (object: JsonObject) => JsonObject): unknown {
  if (Array.isArray(value)) return value.map((item) => mapObjects(item, change));
  if (!isObject(value)) return value;
  return change(
    Object.fromEntries(Object.entries(value).map(([key, held]) => [key, mapObjects(held, change)])),
  );
}
