import { nameOf, type Schema, tolerant } from './schema.ts';

/** The schemas of one document: those with a name stand once and are referred to. */
export interface DocumentSchemas {
  /** As somebody else writes it: closed, so that what is not understood is refused. */
  toWrite(schema: Schema<unknown>): unknown;
  /** As somebody else reads it: open, so that a property which is added later breaks nobody. */
  toRead(schema: Schema<unknown>): unknown;
  /** Those with a name. */
  all(): Readonly<Record<string, unknown>>;
}

/** `place` is where the document keeps them: `#/components/schemas`. */
export function createDocumentSchemas(place: string): DocumentSchemas {
  const kept = new Map<string, unknown>();

  function publish(value: unknown): unknown {
    if (Array.isArray(value)) return value.map(publish);
    if (typeof value !== 'object' || value === null) return value;
    const held = Object.fromEntries(Object.entries(value).map(([key, part]) => [key, publish(part)]));
    const name = nameOf(value);
    return name === undefined ? held : { $ref: `${place}/${keep(name, held)}` };
  }

  /** What is read is described first: where the two differ, what is written gets the longer name. */
  function keep(name: string, held: unknown): string {
    for (const candidate of [name, `${name}Input`]) {
      const known = kept.get(candidate);
      if (known === undefined) kept.set(candidate, held);
      if (known === undefined || JSON.stringify(known) === JSON.stringify(held)) return candidate;
    }
    throw new TypeError(`two different schemas are named ${name}`);
  }

  return {
    toWrite: publish,
    toRead: (schema) => publish(tolerant(schema)),
    all: () => Object.fromEntries(kept),
  };
}
