import type { Schema } from './schema.ts';

/**
 * Queries, paths and headers are texts. Reads those whose property in `schema` is a number, a boolean or a list of
 * them, written as JSON writes it: `1e2`, ` 1` and `5.0` are no integers. What cannot be read stays the text it
 * was, which the validator refuses.
 */
export function readTexts(schema: Schema<unknown>, input: unknown): unknown {
  if (typeof input !== 'object' || input === null) return input;
  const properties = (schema['properties'] ?? {}) as Readonly<Record<string, Schema<unknown>>>;
  return Object.fromEntries(
    Object.entries(input).map(([name, value]) => [
      name,
      Object.hasOwn(properties, name) ? readText(properties[name], value) : value,
    ]),
  );
}

const INTEGER = /^-?(?:0|[1-9]\d*)$/;
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

function readText(schema: Schema<unknown> | undefined, value: unknown): unknown {
  const type = schema?.['type'];
  if (type === 'array') {
    const items = schema?.['items'] as Schema<unknown> | undefined;
    return (Array.isArray(value) ? value : [value]).map((one: unknown) => readText(items, one));
  }
  if (typeof value !== 'string') return value;
  if (type === 'integer') return INTEGER.test(value) ? Number(value) : value;
  if (type === 'number') return NUMBER.test(value) ? Number(value) : value;
  if (type === 'boolean' && (value === 'true' || value === 'false')) return value === 'true';
  return value;
}
