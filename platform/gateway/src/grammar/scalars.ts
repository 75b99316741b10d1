import { didYouMean, isRecord } from '@flotilla/kernel';
import type { KeyShape } from './shape.ts';

/** Reports what a value must be instead. */
type Fail = (wanted: string) => undefined;

export function readString(
  value: unknown,
  oneOf: readonly string[] | undefined,
  fail: Fail,
): string | undefined {
  if (typeof value !== 'string') return fail('a string');
  if (oneOf === undefined) return value;
  if (value === '') return undefined; // files that list every key leave them empty
  const found = oneOf.find((one) => one.toLowerCase() === value.toLowerCase());
  if (found !== undefined) return found;
  const suggestion = didYouMean(value, oneOf);
  return fail(`one of ${oneOf.join(', ')}${suggestion ? ` (did you mean ${suggestion}?)` : ''}`);
}

export function readNumber(
  value: unknown,
  { type, minimum = Number.NEGATIVE_INFINITY, maximum = Number.POSITIVE_INFINITY }: NumberShape,
  fail: Fail,
): number | undefined {
  const number = type === 'integer' ? toInteger(value) : toNumber(value);
  if (number === undefined) return fail(type === 'integer' ? 'a whole number' : 'a number');
  if (number >= minimum && number <= maximum) return number;
  if (maximum === Number.POSITIVE_INFINITY) return fail(`at least ${minimum}`);
  return fail(`${minimum} to ${maximum}`);
}

type NumberShape = Extract<KeyShape, { readonly type: 'integer' | 'number' }>;

/** Texts may be given as numbers and booleans here: in .NET configuration every value is a text. */
export function readMap(
  value: unknown,
  of: 'string' | 'any',
  fail: Fail,
): ReadonlyMap<string, unknown> | undefined {
  if (!isRecord(value)) return fail('an object');
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

export function toBoolean(value: unknown): boolean | undefined {
  if (typeof value === 'boolean') return value;
  if (typeof value !== 'string') return undefined;
  const lower = value.toLowerCase();
  if (lower === 'true') return true;
  return lower === 'false' ? false : undefined;
}

export function toStrings(value: unknown, orOne: boolean): readonly string[] | undefined {
  if (orOne && typeof value === 'string') return [value];
  return Array.isArray(value) && value.every((item) => typeof item === 'string') ? value : undefined;
}

export function toNames(value: unknown): ReadonlySet<string> | undefined {
  const strings = toStrings(value, false);
  return strings && new Set(strings);
}

export function toIntegers(value: unknown): readonly number[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const numbers = value.map(toInteger).filter((number) => number !== undefined);
  return numbers.length === value.length ? numbers : undefined;
}

/** Files that list every key have 0 where they mean nothing. */
export function positive(number: number | undefined): number | undefined {
  return number !== undefined && number > 0 ? number : undefined;
}
