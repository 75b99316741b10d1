import { BoundedMap } from '@flotilla/kernel';
import type { Fields } from '../../wire/rules/fields.ts';

/** Cookies that a back end set, for `UseCookieContainer`: one jar for a route and so for all its clients. */
export interface CookieJar {
  /** Takes the `Set-Cookie` lines of a response. */
  take(fields: Fields, path: string, nowMs: number): void;
  /** The `Cookie` value for a request: the client's own cookies win. `undefined` = none. */
  valueFor(path: string, own: string | undefined, nowMs: number): string | undefined;
}

interface Cookie {
  readonly value: string;
  readonly path: string;
  readonly untilMs: number;
}

const MAX_COOKIES = 300;

export function createCookieJar(): CookieJar {
  const cookies = new BoundedMap<string, Cookie>(MAX_COOKIES);
  return {
    take: ({ names, values }, path, nowMs) => {
      names.forEach((name, index) => {
        if (name.lower !== 'set-cookie') return;
        const [pair = '', ...attributes] = (values[index] ?? '').split(';').map((part) => part.trim());
        const equals = pair.indexOf('=');
        if (equals <= 0) return;
        const key = pair.slice(0, equals);
        const untilMs = expiryOf(attributes, nowMs);
        if (untilMs <= nowMs) cookies.delete(key);
        else cookies.set(key, { value: pair.slice(equals + 1), path: pathOf(attributes, path), untilMs });
      });
    },
    valueFor: (path, own, nowMs) => {
      const named = new Set((own ?? '').split(';').map((pair) => pair.split('=', 1)[0]?.trim() ?? ''));
      const kept = own ? [own] : [];
      for (const [name, cookie] of cookies) {
        if (cookie.untilMs <= nowMs) cookies.delete(name);
        else if (!named.has(name) && covers(cookie.path, path)) kept.push(`${name}=${cookie.value}`);
      }
      return kept.length === 0 ? undefined : kept.join('; ');
    },
  };
}

/** RFC 6265 §5.1.4. */
function covers(cookiePath: string, path: string): boolean {
  if (!path.startsWith(cookiePath)) return false;
  return path.length === cookiePath.length || cookiePath.endsWith('/') || path[cookiePath.length] === '/';
}

function pathOf(attributes: readonly string[], requestPath: string): string {
  const given = attribute(attributes, 'path');
  if (given?.startsWith('/')) return given;
  return requestPath.slice(0, Math.max(1, requestPath.lastIndexOf('/')));
}

function expiryOf(attributes: readonly string[], nowMs: number): number {
  const maxAge = attribute(attributes, 'max-age');
  if (maxAge !== undefined && /^-?\d{1,10}$/.test(maxAge)) return nowMs + Number(maxAge) * 1000;
  const expires = Date.parse(attribute(attributes, 'expires') ?? '');
  return Number.isNaN(expires) ? Number.POSITIVE_INFINITY : expires;
}

function attribute(attributes: readonly string[], name: string): string | undefined {
  const found = attributes.find((one) => one.toLowerCase().startsWith(`${name}=`));
  return found?.slice(name.length + 1);
}
