import { accept, isRecord, type Result, reject } from '@flotilla/kernel';
import { parseGoDuration } from './go-duration.ts';

/** Reads a value of JSON as Go's decoder does, or throws `DecodeError`. `undefined` and `null` give the zero value. */
export type Decoder<T> = (value: unknown, path: string) => T;

/** What a decoder gives. */
export type Decoded<D> = D extends Decoder<infer T> ? T : never;

class DecodeError extends Error {}

/** One for all: ten thousand instances without tags and metadata need no lists and maps of their own. */
const NO_ITEMS: readonly never[] = Object.freeze([]);
const NO_FIELDS: Readonly<Record<string, never>> = Object.freeze({});

const isAbsent = (value: unknown): value is null | undefined => value === undefined || value === null;

function wrong(value: unknown, path: string, wanted: string): never {
  const kind = Array.isArray(value) ? 'array' : typeof value;
  throw new DecodeError(`json: cannot unmarshal ${kind} into ${path} of type ${wanted}`);
}

export const text: Decoder<string> = (value, path) => {
  if (isAbsent(value)) return '';
  return typeof value === 'string' ? value : wrong(value, path, 'string');
};

export const flag: Decoder<boolean> = (value, path) => {
  if (isAbsent(value)) return false;
  return typeof value === 'boolean' ? value : wrong(value, path, 'bool');
};

export const integer: Decoder<number> = (value, path) => {
  if (isAbsent(value)) return 0;
  return typeof value === 'number' && Number.isSafeInteger(value) ? value : wrong(value, path, 'int');
};

/** In milliseconds: a Go duration as text, or a number of nanoseconds. */
export const duration: Decoder<number> = (value, path) => {
  if (isAbsent(value) || value === '') return 0;
  const ms = parseGoDuration(value);
  if (ms !== undefined) return ms;
  if (typeof value === 'string') throw new DecodeError(`time: invalid duration ${JSON.stringify(value)}`);
  return wrong(value, path, 'time.Duration');
};

export function list<T>(item: Decoder<T>): Decoder<readonly T[]> {
  return (value, path) => {
    if (isAbsent(value)) return NO_ITEMS;
    if (!Array.isArray(value)) return wrong(value, path, 'array');
    return value.map((one: unknown, position) => item(one, `${path}[${position}]`));
  };
}

export function map<T>(item: Decoder<T>): Decoder<Readonly<Record<string, T>>> {
  return (value, path) => {
    if (isAbsent(value)) return NO_FIELDS;
    if (!isRecord(value)) return wrong(value, path, 'map');
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, item(one, `${path}.${key}`)]));
  };
}

/** Kept as it comes. */
export const anyObject: Decoder<Readonly<Record<string, unknown>>> = (value, path) => {
  if (isAbsent(value)) return NO_FIELDS;
  return isRecord(value) ? value : wrong(value, path, 'object');
};

export function optional<T>(decoder: Decoder<T>): Decoder<T | undefined> {
  return (value, path) => (isAbsent(value) ? undefined : decoder(value, path));
}

type Shape = Readonly<Record<string, Decoder<unknown>>>;
type Fields<S extends Shape> = { readonly [K in keyof S]: Decoded<S[K]> };

export interface ObjectOptions {
  /** By default a field that is not named is an error, as in Consul's own decoder. */
  readonly mayHaveMore?: boolean;
}

/** Names match whatever their case, and with underscores between their words: `EnableTagOverride`, `enable_tag_override`. */
export function object<S extends Shape>(
  shape: S,
  { mayHaveMore = false }: ObjectOptions = {},
): Decoder<Fields<S>> {
  const names = new Map(Object.keys(shape).map((name) => [foldName(name), name]));
  return (value, path) => {
    if (!isAbsent(value) && !isRecord(value)) return wrong(value, path, 'object');
    const given = new Map<string, unknown>();
    for (const [key, one] of Object.entries(value ?? {})) {
      const name = names.get(foldName(key));
      if (name !== undefined) given.set(name, one);
      else if (!mayHaveMore) throw new DecodeError(`json: unknown field ${JSON.stringify(key)}`);
    }
    const read = Object.entries(shape).map(([name, decode]) => [
      name,
      decode(given.get(name), path === '' ? name : `${path}.${name}`),
    ]);
    return Object.fromEntries(read) as Fields<S>;
  };
}

/** The rejection is what Consul puts behind `Request decode failed: `. */
export function decodeBody<T>(decoder: Decoder<T>, body: Buffer): Result<T, string> {
  if (body.length === 0) return reject('EOF');
  let json: unknown;
  try {
    json = JSON.parse(body.toString('utf8'));
  } catch (error) {
    return reject((error as Error).message);
  }
  try {
    return accept(decoder(json, ''));
  } catch (error) {
    if (error instanceof DecodeError) return reject(error.message);
    throw error;
  }
}

function foldName(name: string): string {
  return name.replaceAll('_', '').toLowerCase();
}
