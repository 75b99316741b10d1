import type { Claims } from '../../exchange.ts';

/**
 * The members of a token's payload as texts: one for a string, number or boolean, one for each item of an
 * array, the JSON text of an object. `null` says nothing and is left out.
 */
export function toClaims(payload: Readonly<Record<string, unknown>>): Claims {
  const claims: Claims = new Map();
  for (const [name, value] of Object.entries(payload)) {
    const texts = (Array.isArray(value) ? value : [value]).filter((item) => item != null).map(toText);
    if (texts.length > 0) claims.set(name, texts);
  }
  return claims;
}

function toText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** Does `scope`, an array or one space-separated string, have one of these? */
export function hasScope(claims: Claims, allowed: ReadonlySet<string>): boolean {
  const texts = claims.get('scope') ?? [];
  const [only] = texts;
  const scopes = texts.length === 1 && only !== undefined ? only.split(' ') : texts;
  return scopes.some((scope) => allowed.has(scope));
}
