import type { Schema } from '@flotilla/kernel';
import { nameOf, tolerant } from '@flotilla/kernel/schema';

type Json = Readonly<Record<string, unknown>>;

/** The schemas of one document: those with a name stand once, below `components`, and are referred to. */
export interface DocumentSchemas {
  /** As clients write it: closed, so that what is not understood is refused. */
  request(schema: Schema<unknown>): unknown;
  /** As clients read it: open, so that a property which is added later breaks nobody. */
  answer(schema: Schema<unknown>): unknown;
  all(): Json;
}

export function createDocumentSchemas(): DocumentSchemas {
  const components = new Map<string, unknown>();

  function publish(value: unknown): unknown {
    if (Array.isArray(value)) return value.map(publish);
    if (typeof value !== 'object' || value === null) return value;
    const held = Object.fromEntries(Object.entries(value).map(([key, part]) => [key, publish(part)]));
    const name = nameOf(value);
    return name === undefined ? held : { $ref: `#/components/schemas/${keep(name, held)}` };
  }

  /** Answers are described first, so it is a request that gets the longer name where the two differ. */
  function keep(name: string, held: unknown): string {
    for (const candidate of [name, `${name}Input`]) {
      const known = components.get(candidate);
      if (known === undefined) components.set(candidate, held);
      if (known === undefined || JSON.stringify(known) === JSON.stringify(held)) return candidate;
    }
    throw new TypeError(`two different schemas are named ${name}`);
  }

  return {
    request: publish,
    answer: (schema) => publish(tolerant(schema)),
    all: () => Object.fromEntries(components),
  };
}
