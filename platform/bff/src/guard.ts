import { problem, refusal } from '@flotilla/http';
import { parseCookies } from './cookies.ts';
import { hasEffect, isAllowed, type Provenance } from './same-origin.ts';
import type { Session } from './session.ts';
import type { Sessions } from './sessions.ts';

/** The headers that decide whose request it is, and whether it may be carried out. */
export interface SessionHeaders extends Provenance {
  readonly cookie?: string | undefined;
}

export interface Guard {
  /** Throws 403 `csrf`. `needsHeader`: `X-CSRF` is asked for although nothing is changed. */
  checkOrigin(headers: Provenance, method: string, needsHeader?: boolean): void;
  /** Who is signed in; `undefined` = nobody. */
  sessionOf(headers: SessionHeaders): Promise<Session | undefined>;
  sessionIdOf(headers: SessionHeaders): string | undefined;
}

const CSRF = problem(403, 'csrf', 'The request does not come from a page of this site, or lacks X-CSRF: 1.');

export function createGuard({
  origin,
  cookieName,
  sessions,
}: {
  readonly origin: string;
  readonly cookieName: string;
  readonly sessions: Pick<Sessions, 'find'>;
}): Guard {
  const sessionIdOf = ({ cookie }: SessionHeaders) => parseCookies(cookie).get(cookieName);
  return {
    checkOrigin: (headers, method, needsHeader = false) => {
      if (!isAllowed(headers, { origin, hasEffect: hasEffect(method), needsHeader })) throw refusal(CSRF);
    },
    sessionIdOf,
    sessionOf: async (headers) => {
      const id = sessionIdOf(headers);
      return id === undefined ? undefined : await sessions.find(id);
    },
  };
}

/** Nobody is signed in, as a gateway says it without a token. */
export const UNAUTHORIZED = {
  ...problem(401, 'unauthorized', 'Nobody is signed in.'),
  headers: { 'www-authenticate': 'Bearer' },
};
