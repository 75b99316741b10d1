import { createHash } from 'node:crypto';
import { BoundedMap } from '@flotilla/kernel';
import { fieldValue } from '../wire/rules/fields.ts';
import type { RequestHead } from '../wire/rules/request.ts';
import { type Choose, createTurns } from './balancers.ts';

/** Which session is at home where, by the value of a cookie that the back ends set. Shared by routes of one `Key`. */
export interface StickySessions {
  /** Assigns new sessions; shared as the assignments are. */
  readonly choose: Choose;
  /** The address of the session and another `expiryMs` of life; `undefined` when it has none. */
  find(session: string, nowMs: number, expiryMs: number): string | undefined;
  assign(session: string, address: string, expiresAtMs: number): void;
  readonly size: number;
}

interface Assignment {
  readonly address: string;
  expiresAtMs: number;
}

const DEFAULT_MAX_SESSIONS = 100_000;
const LONGEST_PLAIN = 64;

/** Above `maxSessions` the one that was used longest ago is assigned anew when it comes back. */
export function createStickySessions(maxSessions: number = DEFAULT_MAX_SESSIONS): StickySessions {
  const assignments = new BoundedMap<string, Assignment>(maxSessions);

  return {
    choose: createTurns(),
    find: (session, nowMs, expiryMs) => {
      const known = assignments.renew(session);
      if (known === undefined) return undefined;
      if (known.expiresAtMs <= nowMs) {
        assignments.delete(session);
        return undefined;
      }
      known.expiresAtMs = nowMs + expiryMs;
      return known.address;
    },
    assign: (session, address, expiresAtMs) => {
      assignments.set(session, { address, expiresAtMs });
    },
    get size() {
      return assignments.size;
    },
  };
}

/** The value of the cookie; long ones as a hash, so that what clients make up costs little memory. */
export function sessionOf({ fields }: RequestHead, cookie: string): string | undefined {
  const cookies = fieldValue(fields, 'cookie');
  const value = cookies === undefined ? undefined : cookieValue(cookies, cookie);
  if (value === undefined || value.length <= LONGEST_PLAIN) return value || undefined;
  return createHash('sha256').update(value).digest('base64');
}

/** The first cookie of the name. Repeated fields are joined with `, `, cookies within one with `; `. */
export function cookieValue(cookies: string, name: string): string | undefined {
  let start = 0;
  while (start < cookies.length) {
    while (cookies[start] === ' ' || cookies[start] === ';' || cookies[start] === ',') start += 1;
    let end = start;
    while (
      end < cookies.length &&
      cookies[end] !== ';' &&
      !(cookies[end] === ',' && cookies[end + 1] === ' ')
    )
      end += 1;
    if (cookies.startsWith(name, start) && cookies[start + name.length] === '=')
      return cookies.slice(start + name.length + 1, end).trimEnd();
    start = end + 1;
  }
  return undefined;
}
