/**
 * JSON Schema values that carry their TypeScript type. A schema is declared once and serves validation,
 * types and OpenAPI. Builders return plain JSON Schema (2020-12 subset), so nothing has to be converted.
 * Why not a library: docs/adr/0009-schemas.md.
 */
declare const STATIC: unique symbol;

export interface Schema<T> {
  readonly [STATIC]?: T;
  readonly [keyword: string]: unknown;
}

/** The TypeScript type that a schema describes. */
export type Static<S> = S extends Schema<infer T> ? T : never;

/** Keywords any schema may carry; `description` and `examples` end up in OpenAPI. */
export interface Annotations {
  readonly description?: string;
  readonly examples?: readonly unknown[];
  readonly default?: unknown;
  /** Personal data: redacted wherever contracts are logged or shown. */
  readonly 'x-pii'?: boolean;
}

interface StringKeywords extends Annotations {
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly format?: 'uuid' | 'email' | 'date-time' | 'uri' | 'uri-reference';
}

interface NumberKeywords extends Annotations {
  readonly minimum?: number;
  readonly maximum?: number;
  /** Says in documents that 32 bits are not enough. */
  readonly format?: 'int64';
}

interface ArrayKeywords extends Annotations {
  readonly minItems?: number;
  readonly maxItems?: number;
}

const OPTIONAL: unique symbol = Symbol('optional');
const NAME: unique symbol = Symbol('name');
type Optional<T> = Schema<T> & { readonly [OPTIONAL]: true };
type Properties = Readonly<Record<string, Schema<unknown>>>;
type OptionalKeys<P> = { [K in keyof P]: P[K] extends { readonly [OPTIONAL]: true } ? K : never }[keyof P];
type ObjectOf<P> = { readonly [K in Exclude<keyof P, OptionalKeys<P>>]: Static<P[K]> } & {
  readonly [K in OptionalKeys<P>]?: Static<P[K]>;
};
type Flat<T> = { [K in keyof T]: T[K] };

export function string(keywords: StringKeywords = {}): Schema<string> {
  return { type: 'string', ...keywords };
}

export function integer(keywords: NumberKeywords = {}): Schema<number> {
  return { type: 'integer', ...keywords };
}

export function boolean(keywords: Annotations = {}): Schema<boolean> {
  return { type: 'boolean', ...keywords };
}

/** With the type of its value: generators of clients do not work it out. */
export function literal<const T extends string | number | boolean>(value: T): Schema<T> {
  const type = typeof value === 'number' && Number.isInteger(value) ? 'integer' : typeof value;
  return { type, const: value };
}

export function oneOf<const T extends readonly string[]>(
  values: T,
  keywords: Annotations = {},
): Schema<T[number]> {
  return { type: 'string', enum: values, ...keywords };
}

export function array<T>(items: Schema<T>, keywords: ArrayKeywords = {}): Schema<readonly T[]> {
  return { type: 'array', items, ...keywords };
}

export function nullable<T>(schema: Schema<T>): Schema<T | null> {
  return { anyOf: [schema, { type: 'null' }] };
}

/** Marks a property of `object` as optional. */
export function optional<T>(schema: Schema<T>): Optional<T> {
  return { ...schema, [OPTIONAL]: true } as Optional<T>;
}

/** A closed object: properties that are not listed are refused. */
export function object<P extends Properties>(
  properties: P,
  keywords: Annotations = {},
): Schema<Flat<ObjectOf<P>>> {
  const required = Object.keys(properties).filter((key) => !(properties[key] && OPTIONAL in properties[key]));
  return { type: 'object', properties, required, additionalProperties: false, ...keywords };
}

/** The same schema under a name, by which documents refer to it instead of repeating it: `Order`. */
export function named<T>(name: string, schema: Schema<T>): Schema<T> {
  return { ...schema, [NAME]: name } as Schema<T>;
}

/** `undefined` for a schema that was given none. */
export function nameOf(schema: object): string | undefined {
  return NAME in schema ? String(schema[NAME]) : undefined;
}

/** A map from arbitrary keys to values of one schema. */
export function record<T>(
  values: Schema<T>,
  keywords: Annotations = {},
): Schema<Readonly<Record<string, T>>> {
  return { type: 'object', additionalProperties: values, ...keywords };
}

/** Any JSON value. Use it at the edges of the platform only. */
export function anything(keywords: Annotations = {}): Schema<unknown> {
  return { ...keywords };
}

/**
 * The same schema for a reader of somebody else's messages: unknown properties are tolerated, so that a
 * producer may add fields without breaking its consumers.
 */
export function tolerant<T>(schema: Schema<T>): Schema<T> {
  return relax(schema) as Schema<T>;
}

function relax(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(relax);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(
    ([key, held]) => !(key === 'additionalProperties' && held === false),
  );
  const relaxed = Object.fromEntries(entries.map(([key, held]) => [key, relax(held)]));
  const name = nameOf(value);
  return name === undefined ? relaxed : named(name, relaxed);
}
