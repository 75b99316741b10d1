import { randomBytes } from 'node:crypto';
import type { Clock } from '@flotilla/kernel';
import { isPlatformError } from '@flotilla/kernel';
import type { Logger } from '@flotilla/telemetry';
import { type CookieNames, forgetCookie, formatCookie, parseCookies } from './cookies.ts';
import type { Issuer, LoginSecrets, SignedIn } from './issuer.ts';
import { type Page, problemPage } from './pages.ts';
import { localPath } from './return-address.ts';
import type { ValueSeal } from './seal.ts';
import { userOf } from './session.ts';
import type { Sessions } from './sessions.ts';

export interface LogInDeps {
  /** `scheme://host[:port]` that browsers see. */
  readonly origin: string;
  readonly names: CookieNames;
  /** `undefined` = no secret is configured. */
  readonly issuer: Issuer | undefined;
  readonly sessions: Sessions;
  readonly seal: ValueSeal;
  readonly clock: Pick<Clock, 'now'>;
  readonly logger: Logger;
}

/** An answer to a navigation: an address to go on to, or a page. */
export type Navigation =
  | { readonly to: string; readonly cookies: readonly string[] }
  | { readonly page: Page; readonly cookies: readonly string[] };

export interface LogIn {
  begin(
    asked: { readonly returnUrl?: string | undefined; readonly loginHint?: string | undefined },
    cookies: string | undefined,
  ): Promise<Navigation>;
  /** `query` is what the browser brought back. */
  finish(query: string, cookies: string | undefined): Promise<Navigation>;
}

/** Somebody who leaves logins half done keeps no more than these. */
const MAX_UNDERWAY = 3;
const LIFE_SECONDS = 600;
/** When it began, and something to tell logins of one millisecond apart. */
const LOGIN_ID = /^([0-9a-z]{8,9})[A-Za-z0-9_-]{6}$/;

interface Underway extends LoginSecrets {
  readonly returnUrl: string;
}

/**
 * Logins with what belongs to them in a sealed cookie of the browser that began them, one each: tabs do not get in each other's way, what
 * somebody else's browser began ends nowhere, and who only looks at the login page costs no row.
 */
export function createLogIn(deps: LogInDeps): LogIn {
  const { origin, names, sessions, seal, clock } = deps;

  /** Ids of the logins of this browser, the oldest first. */
  function underway(cookies: ReadonlyMap<string, string>): readonly string[] {
    return [...cookies.keys()].flatMap((name) => names.loginIdOf(name) ?? []).sort();
  }

  function take(state: string, cookies: ReadonlyMap<string, string>): Underway | undefined {
    const [id = ''] = state.split('.');
    const began = LOGIN_ID.exec(id)?.[1];
    const value = began === undefined ? undefined : cookies.get(names.login(id));
    if (began === undefined || value === undefined) return undefined;
    if (clock.now().getTime() - Number.parseInt(began, 36) > LIFE_SECONDS * 1_000) return undefined;
    try {
      const held = seal.open(Buffer.from(value, 'base64url'), id) as Underway; // `begin` sealed it
      return held.state === state ? held : undefined;
    } catch {
      return undefined; // of another key, or somebody's invention
    }
  }

  async function redeem(issuer: Issuer, answer: URL, login: Underway): Promise<SignedIn | Page> {
    try {
      return await issuer.finish(answer, login);
    } catch (error) {
      const isRefused = isPlatformError(error) && error.code === 'BFF_LOGIN_REFUSED';
      deps.logger.warn({ err: error }, 'a login could not be finished');
      return problemPage(isRefused ? 'refused' : 'unavailable', login.returnUrl);
    }
  }

  return {
    begin: async ({ returnUrl, loginHint }, header) => {
      const target = localPath(returnUrl, origin);
      if (deps.issuer === undefined) return { page: problemPage('not-configured', target), cookies: [] };
      const now = clock.now().getTime();
      const id = `${now.toString(36)}${randomBytes(4).toString('base64url')}`;
      const state = `${id}.${randomBytes(24).toString('base64url')}`;
      let begun: Awaited<ReturnType<Issuer['begin']>>;
      try {
        begun = await deps.issuer.begin(state, loginHint);
      } catch (err) {
        deps.logger.warn({ err }, 'a login could not begin');
        return { page: problemPage('unavailable', target), cookies: [] };
      }
      const sealed = seal.seal({ ...begun.secrets, returnUrl: target } satisfies Underway, id);
      const old = underway(parseCookies(header)).slice(0, 1 - MAX_UNDERWAY);
      return {
        to: begun.url.href,
        cookies: [
          // Lax: the answer may come from another site.
          formatCookie(names.login(id), sealed.toString('base64url'), {
            sameSite: 'Lax',
            maxAgeSeconds: LIFE_SECONDS,
          }),
          ...old.map((one) => forgetCookie(names.login(one), 'Lax')),
        ],
      };
    },
    finish: async (query, header) => {
      const cookies = parseCookies(header);
      const answer = new URL(`${origin}/bff/callback?${query}`);
      const state = answer.searchParams.get('state') ?? '';
      const login = take(state, cookies);
      const known = cookies.get(names.session);
      if (login === undefined) {
        // The back button after a login: it is done.
        if (known !== undefined && (await sessions.find(known))) return { to: '/', cookies: [] };
        return { page: problemPage('unknown-login', '/'), cookies: [] };
      }
      const done = forgetCookie(names.login(state.split('.')[0] ?? ''), 'Lax');
      if (answer.searchParams.get('error') === 'access_denied')
        return { to: login.returnUrl, cookies: [done] };
      if (deps.issuer === undefined)
        return { page: problemPage('not-configured', login.returnUrl), cookies: [] };
      const given = await redeem(deps.issuer, answer, login);
      if ('status' in given) return { page: given, cookies: [done] };
      const { sid } = given.claims;
      // A new id at each login: one that somebody knew before opens nothing.
      const id = await sessions.begin(userOf(given.claims), typeof sid === 'string' ? sid : undefined, given);
      if (known !== undefined) await sessions.end(known);
      return {
        to: login.returnUrl,
        cookies: [formatCookie(names.session, id, { sameSite: 'Strict' }), done],
      };
    },
  };
}
