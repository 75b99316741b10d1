import { isRecord } from '@flotilla/kernel';

export type JsonObject = Readonly<Record<string, unknown>>;

export function objectAt(parent: unknown, name: string): JsonObject {
  const held = isRecord(parent) && Object.hasOwn(parent, name) ? parent[name] : undefined;
  return isRecord(held) ? held : {};
}

/** The objects of a list; none where there is no list. */
export function listAt(parent: JsonObject, name: string): readonly JsonObject[] {
  const held = parent[name];
  return Array.isArray(held) ? held.filter(isRecord) : [];
}

/** A copy in which each object has passed through `change`, the innermost first. */
export function mapObjects(value: unknown, change: (object: JsonObject) => JsonObject): unknown {
  if (Array.isArray(value)) return value.map((item) => mapObjects(item, change));
  if (!isRecord(value)) return value;
  return change(
    Object.fromEntries(Object.entries(value).map(([key, held]) => [key, mapObjects(held, change)])),
  );
}
