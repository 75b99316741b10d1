import { didYouMean } from './did-you-mean.ts';
import type { ConfigObject, KeyShape, SectionShape, ValuesOf } from './shape.ts';

/** What went wrong while reading, collected so that all of it is reported at once. */
export interface Findings {
  readonly errors: string[];
  readonly warnings: string[];
}

/** Reads an object with everything in it: types, ranges and unknown keys are reported here. */
export function readObject<Shape extends SectionShape>(
  input: unknown,
  path: string,
  shape: Shape,
  findings: Findings,
): ConfigObject<Shape> {
  const values = new Map<string, unknown>();
  const error = (key: string, message: string) => findings.errors.push(`${at(path, key)}: ${message}`);
  const warn = (key: string, message: string) => findings.warnings.push(`${at(path, key)}: ${message}`);
  const given = givenValues(input, path, findings);
  const known = new Set<string>();
  for (const [key, keyShape] of Object.entries(shape)) {
    for (const name of [...(keyShape.also ?? []), key]) {
      const lower = name.toLowerCase();
      known.add(lower);
      const value = given.get(lower);
      if (value === undefined || value.value === null) continue;
      const read = readValue(value.value, at(path, value.key), keyShape, findings);
      if (!values.has(key) && read !== undefined) values.set(key, read);
    }
  }
  const names = Object.entries(shape).flatMap(([key, { also = [] }]) => [key, ...also]);
  for (const [lower, { key }] of given) {
    if (known.has(lower)) continue;
    const suggestion = didYouMean(key, names);
    warn(key, suggestion === undefined ? 'unknown key, ignored' : `unknown key, did you mean ${suggestion}?`);
  }
  return {
    path,
    // Each value has been converted by the shape of its key.
    values: Object.fromEntries(values) as ValuesOf<Shape>,
    has: (key) => values.has(key),
    error,
    warn,
  };
}

/** By lower-case key. The same key in two spellings is an error: which one counts would be chance. */
function givenValues(
  input: unknown,
  path: string,
  findings: Findings,
): ReadonlyMap<string, { readonly key: string; readonly value: unknown }> {
  const given = new Map<string, { key: string; value: unknown }>();
  if (!isObject(input)) {
    findings.errors.push(`${path || 'the file'}: must be an object`);
    return given;
  }
  for (const [key, value] of Object.entries(input)) {
    const lower = key.toLowerCase();
    const other = given.get(lower);
    if (other !== undefined) findings.errors.push(`${at(path, key)}: is there twice, also as ${other.key}`);
    given.set(lower, { key, value });
  }
  return given;
}

/** Converts one value; `undefined` = it is wrong, which has been reported. */
function readValue(value: unknown, path: string, shape: KeyShape, findings: Findings): unknown {
  const fail = (wanted: string): undefined => {
    const found = /(?:Secret|Token)$/i.test(path) ? '' : `, not ${show(value)}`;
    findings.errors.push(`${path}: must be ${wanted}${found}`);
  };
  switch (shape.type) {
    case 'string':
      return readString(value, shape.oneOf, fail);
    case 'integer':
    case 'number':
      return readNumber(value, shape, fail);
    case 'boolean':
      return toBoolean(value) ?? fail('true or false');
    case 'strings':
      return toStrings(value, shape.orOne === true) ?? fail('a list of strings');
    case 'integers':
      return toIntegers(value) ?? fail('a list of whole numbers');
    case 'map':
      return readMap(value, shape.of, fail);
    case 'mapOf':
      return isObject(value)
        ? new Map(
            Object.entries(value).map(([key, inner]) => [
              key,
              readObject(inner, at(path, key), shape.shape, findings),
            ]),
          )
        : fail('an object');
    case 'object':
      return isObject(value) ? readObject(value, path, shape.shape, findings) : fail('an object');
    case 'objects':
      return Array.isArray(value)
        ? value.map((item, index) => readObject(item, `${path}[${index}]`, shape.shape, findings))
        : fail('a list');
  }
}

function readString(
  value: unknown,
  oneOf: readonly string[] | undefined,
  fail: (wanted: string) => undefined,
): string | undefined {
  if (typeof value !== 'string') return fail('a string');
  if (oneOf === undefined) return value;
  if (value === '') return undefined; // files that list every key leave them empty
  const found = oneOf.find((one) => one.toLowerCase() === value.toLowerCase());
  if (found !== undefined) return found;
  const suggestion = didYouMean(value, oneOf);
  return fail(`one of ${oneOf.join(', ')}${suggestion ? ` (did you mean ${suggestion}?)` : ''}`);
}

function readNumber(
  value: unknown,
  { type, minimum = Number.NEGATIVE_INFINITY, maximum = Number.POSITIVE_INFINITY }: NumberShape,
  fail: (wanted: string) => undefined,
): number | undefined {
  const number = type === 'integer' ? toInteger(value) : toNumber(value);
  if (number === undefined) return fail(type === 'integer' ? 'a whole number' : 'a number');
  if (number >= minimum && number <= maximum) return number;
  if (maximum === Number.POSITIVE_INFINITY) return fail(`at least ${minimum}`);
  return fail(`${minimum} to ${maximum}`);
}

type NumberShape = Extract<KeyShape, { readonly type: 'integer' | 'number' }>;

/** Texts may be given as numbers and booleans here: in .NET configuration every value is a text. */
function readMap(
  value: unknown,
  of: 'string' | 'any',
  fail: (wanted: string) => undefined,
): ReadonlyMap<string, unknown> | undefined {
  if (!isObject(value)) return fail('an object');
  const entries = Object.entries(value).filter(([, item]) => item !== null);
  if (of === 'any') return new Map(entries);
  if (!entries.every(([, item]) => ['string', 'number', 'boolean'].includes(typeof item)))
    return fail('an object of strings');
  return new Map(entries.map(([key, item]) => [key, String(item)]));
}

/** Numbers and booleans may be given as strings. */
function toNumber(value: unknown): number | undefined {
  const number = typeof value === 'string' && /^-?\d+(?:\.\d+)?$/.test(value) ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) ? number : undefined;
}

function toInteger(value: unknown): number | undefined {
  const number = toNumber(value);
  return number !== undefined && Number.isSafeInteger(number) ? number : undefined;
}

function toBoolean(value: unknown): boolean | undefined {
  if (typeof value === 'boolean') return value;
  if (typeof value !== 'string') return undefined;
  const lower = value.toLowerCase();
  if (lower === 'true') return true;
  return lower === 'false' ? false : undefined;
}

function toStrings(value: unknown, orOne: boolean): readonly string[] | undefined {
  if (orOne && typeof value === 'string') return [value];
  return Array.isArray(value) && value.every((item) => typeof item === 'string') ? value : undefined;
}

function toIntegers(value: unknown): readonly number[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const numbers = value.map(toInteger).filter((number) => number !== undefined);
  return numbers.length === value.length ? numbers : undefined;
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

function at(path: string, key: string): string {
  return path === '' ? key : `${path}.${key}`;
}
