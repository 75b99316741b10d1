import type { Fields } from '../../wire/rules/fields.ts';

/** The directives of all `Cache-Control` lines, lower case; of several with one name the smallest number counts. */
export type Directives = ReadonlyMap<string, string>;

const DIRECTIVE = /([^\s=,;"]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,;"]*)))?/g;

export function cacheDirectives({ names, values }: Fields): Directives {
  const directives = new Map<string, string>();
  for (let index = 0; index < names.length; index += 1) {
    if (names[index]?.lower !== 'cache-control') continue;
    for (const [, name = '', quoted, plain] of (values[index] ?? '').matchAll(DIRECTIVE)) {
      const lower = name.toLowerCase();
      const value = quoted ?? plain ?? '';
      const known = directives.get(lower);
      if (known === undefined || seconds(value) < seconds(known)) directives.set(lower, value);
    }
  }
  return directives;
}

/** Whole seconds; anything else is the past (RFC 9111 §4.2.1: invalid freshness is stale). */
export function seconds(text: string): number {
  return /^\d{1,10}$/.test(text) ? Number(text) : 0;
}

const FORBIDDING = ['no-store', 'private', 'no-cache'] as const;

/** May it be kept for everybody? */
export function allowsSharing(directives: Directives): boolean {
  if (FORBIDDING.some((name) => directives.has(name))) return false;
  for (const name of ['max-age', 's-maxage']) {
    const value = directives.get(name);
    if (value !== undefined && seconds(value) === 0) return false;
  }
  return true;
}

export interface Lifetime {
  readonly freshMs: number;
  /** After that, how long it may be given while a new one is fetched, and in place of an error. */
  readonly staleWhileRevalidateMs: number;
  readonly staleIfErrorMs: number;
}

/** What RFC 9111 §4.2 and RFC 5861 make of the response's own words; `undefined` members = it says nothing. */
export function ownLifetime(
  fields: Fields,
  directives: Directives,
  nowMs: number,
): { readonly [K in keyof Lifetime]: number | undefined } {
  const ownMs = (name: string) => {
    const value = directives.get(name);
    return value === undefined ? undefined : seconds(value) * 1000;
  };
  const ageMs = seconds(firstValue(fields, 'age') ?? '') * 1000;
  const freshMs = ownMs('s-maxage') ?? ownMs('max-age') ?? expiresInMs(fields, nowMs);
  const mustRevalidate = ['must-revalidate', 'proxy-revalidate', 's-maxage'].some((name) =>
    directives.has(name),
  );
  return {
    freshMs: freshMs === undefined ? undefined : Math.max(0, freshMs - ageMs),
    staleWhileRevalidateMs: mustRevalidate ? 0 : ownMs('stale-while-revalidate'),
    staleIfErrorMs: mustRevalidate ? 0 : ownMs('stale-if-error'),
  };
}

function expiresInMs(fields: Fields, nowMs: number): number | undefined {
  const expires = firstValue(fields, 'expires');
  if (expires === undefined) return undefined;
  const atMs = Date.parse(expires);
  const dateMs = Date.parse(firstValue(fields, 'date') ?? '');
  return Number.isNaN(atMs) ? 0 : atMs - (Number.isNaN(dateMs) ? nowMs : dateMs);
}

function firstValue({ names, values }: Fields, lower: string): string | undefined {
  const index = names.findIndex((name) => name.lower === lower);
  return index === -1 ? undefined : values[index];
}
