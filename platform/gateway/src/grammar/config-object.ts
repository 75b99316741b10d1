import { didYouMean, isRecord } from '@flotilla/kernel';
import { readMap, readNumber, readString, toBoolean, toIntegers, toNames, toStrings } from './scalars.ts';
import type { ConfigObject, KeyShape, SectionShape, ValuesOf } from './shape.ts';

/** What went wrong while reading, collected so that all of it is reported at once. */
export interface Findings {
  readonly errors: string[];
  readonly warnings: string[];
  /** What is needed of a shape again and again: a large file has many objects of few shapes. */
  keysOf(shape: SectionShape): ShapeKeys;
}

interface KnownKey {
  readonly key: string;
  readonly shape: KeyShape;
  /** In which order values are read: older names come first, and the first value counts. */
  readonly place: number;
}

interface ShapeKeys {
  /** In any case, and by older names. */
  find(name: string): KnownKey | undefined;
  /** What an unknown name may stand for. */
  suggest(unknown: string): string | undefined;
}

export function createFindings(): Findings {
  const shapes = new Map<SectionShape, ShapeKeys>();
  return {
    errors: [],
    warnings: [],
    keysOf: (shape) => {
      const before = shapes.get(shape);
      if (before !== undefined) return before;
      const keys = compileShape(shape);
      shapes.set(shape, keys);
      return keys;
    },
  };
}

function compileShape(shape: SectionShape): ShapeKeys {
  const entries = Object.entries(shape).flatMap(([key, keyShape]) =>
    [...(keyShape.also ?? []), key].map((name) => ({ name, key, shape: keyShape })),
  );
  const names = Object.entries(shape).flatMap(([key, { also = [] }]) => [key, ...also]);
  const byLower = new Map<string, KnownKey>();
  const byName = new Map<string, KnownKey>();
  for (const [place, { name, ...entry }] of entries.entries()) {
    const known = { ...entry, place };
    byLower.set(name.toLowerCase(), known);
    byName.set(name, known);
  }
  const suggestions = new Map<string, string | undefined>();
  return {
    find: (name) => byName.get(name) ?? byLower.get(name.toLowerCase()),
    suggest: (unknown) => {
      if (!suggestions.has(unknown)) suggestions.set(unknown, didYouMean(unknown, names));
      return suggestions.get(unknown);
    },
  };
}

/** Reads an object with everything in it: types, ranges and unknown keys are reported here. */
export function readObject<Shape extends SectionShape>(
  input: unknown,
  path: string,
  shape: Shape,
  findings: Findings,
): ConfigObject<Shape> {
  const values: Record<string, unknown> = {};
  const keys = findings.keysOf(shape);
  // Each value is converted by the shape of its key.
  const object = new ReadObject<Shape>(path, values as ValuesOf<Shape>, findings);
  const { known, unknown } = sortGiven(input, path, keys, findings);
  for (const given of known) {
    if (given.value === null) continue;
    const read = readValue(given, path, findings);
    if (read !== undefined) values[given.as.key] ??= read;
  }
  for (const key of unknown) object.warn(key, unknownKey(keys.suggest(key)));
  return object;
}

/** A class, since a large file has tens of thousands of them. */
class ReadObject<Shape extends SectionShape> implements ConfigObject<Shape> {
  readonly path: string;
  readonly values: ValuesOf<Shape>;
  readonly #findings: Findings;

  constructor(path: string, values: ValuesOf<Shape>, findings: Findings) {
    this.path = path;
    this.values = values;
    this.#findings = findings;
  }

  has(key: keyof Shape & string): boolean {
    return this.values[key] !== undefined;
  }

  error(key: string, message: string): void {
    this.#findings.errors.push(`${at(this.path, key)}: ${message}`);
  }

  warn(key: string, message: string): void {
    this.#findings.warnings.push(`${at(this.path, key)}: ${message}`);
  }
}

function unknownKey(suggestion: string | undefined): string {
  return suggestion === undefined ? 'unknown key, ignored' : `unknown key, did you mean ${suggestion}?`;
}

interface Given {
  readonly as: KnownKey;
  readonly key: string;
  readonly value: unknown;
}

interface Sorted {
  /** In the order of reading. */
  readonly known: readonly Given[];
  readonly unknown: readonly string[];
}

function sortGiven(input: unknown, path: string, keys: ShapeKeys, findings: Findings): Sorted {
  const known: Given[] = [];
  const unknown: string[] = [];
  if (!isRecord(input)) {
    findings.errors.push(`${path || 'the file'}: must be an object`);
    return { known, unknown };
  }
  const names = Object.keys(input);
  for (const key of names) {
    const as = keys.find(key);
    if (as === undefined) unknown.push(key);
    else known.push({ as, key, value: input[key] });
  }
  known.sort((one, other) => one.as.place - other.as.place);
  const isLast = ({ as }: Given, index: number) => as !== known[index + 1]?.as;
  if (known.every(isLast) && areDifferent(unknown)) return { known, unknown };
  reportTwice(names, path, findings);
  return { known: known.filter(isLast), unknown };
}

function areDifferent(names: readonly string[]): boolean {
  return names.length < 2 || new Set(names.map((name) => name.toLowerCase())).size === names.length;
}

/** The same key in two spellings is an error: which one counts would be chance. */
function reportTwice(keys: readonly string[], path: string, findings: Findings): void {
  const seen = new Map<string, string>();
  for (const key of keys) {
    const lower = key.toLowerCase();
    const other = seen.get(lower);
    if (other !== undefined) findings.errors.push(`${at(path, key)}: is there twice, also as ${other}`);
    seen.set(lower, key);
  }
}

/** Converts one value; `undefined` = it is wrong, which has been reported. */
function readValue(given: Given, parent: string, findings: Findings): unknown {
  const { value, as } = given;
  const { shape } = as;
  const path = () => at(parent, given.key);
  const fail = (wanted: string) => reportWrong(value, path(), wanted, findings);
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
    case 'names':
      return toNames(value) ?? fail('a list of strings');
    case 'integers':
      return toIntegers(value) ?? fail('a list of whole numbers');
    case 'map':
      return readMap(value, shape.of, fail);
    case 'mapOf':
      return isRecord(value)
        ? new Map(
            Object.entries(value).map(([name, inner]) => [
              name,
              readObject(inner, at(path(), name), shape.shape, findings),
            ]),
          )
        : fail('an object');
    case 'object':
      return isRecord(value) ? readObject(value, path(), shape.shape, findings) : fail('an object');
    case 'objects':
      return Array.isArray(value)
        ? value.map((item, index) => readObject(item, `${path()}[${index}]`, shape.shape, findings))
        : fail('a list');
  }
}

function reportWrong(value: unknown, path: string, wanted: string, findings: Findings): undefined {
  const found = /(?:Secret|Token|Hash)$/i.test(path) ? '' : `, not ${show(value)}`;
  findings.errors.push(`${path}: must be ${wanted}${found}`);
}

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

function at(path: string, key: string): string {
  return path === '' ? key : `${path}.${key}`;
}
