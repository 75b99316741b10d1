import type { KeySource } from '@flotilla/auth';
import { handle, noContent, ok, type RawRoutes, type RouteHandler } from '@flotilla/http';
import { type Clock, within } from '@flotilla/kernel';
import type { Database } from '@flotilla/postgres';
import type { Logger, Metrics } from '@flotilla/telemetry';
import { cookieNames, forgetCookie } from './cookies.ts';
import { createGuard, type Guard, UNAUTHORIZED } from './guard.ts';
import { createIssuer, type IssuerOptions } from './issuer.ts';
import { createLogIn } from './log-in.ts';
import { createLogoutTokenReader } from './logout-token.ts';
import { addNavigations } from './navigations.ts';
import { addProxy, type Upstream } from './proxy.ts';
import { getSessionUser, logOutBrowser } from './routes.ts';
import { createValueSeal } from './seal.ts';
import { createSessionCodec, type Session } from './session.ts';
import { createSessionStore } from './session-store.ts';
import { createSessions, SESSION_LIFETIMES, type SessionLifetimes, type Sessions } from './sessions.ts';

export interface BffOptions {
  /** With `bffMigrations`. */
  readonly db: Database;
  /** The same database by a pool of its own; exchanges of tokens hold a connection while the issuer answers. */
  readonly refreshDb: Pick<Database, 'transaction'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** In the names of the cookies: `__Host-<product>-sid`. */
  readonly product: string;
  /** `scheme://host[:port]` that browsers see. https, or a loopback address; anything else throws `RangeError`. */
  readonly origin: string;
  /** `clientSecret: undefined`: nobody can sign in, and the login page says so. */
  readonly issuer: Omit<IssuerOptions, 'redirectUri' | 'clientSecret'> & {
    readonly clientSecret: string | undefined;
  };
  /** Keys by which the issuer signs logout tokens. */
  readonly keys: KeySource;
  /** 32 bytes that all replicas share. */
  readonly encryptionKey: Buffer;
  readonly upstreams: readonly Upstream[];
  readonly lifetimes?: SessionLifetimes;
  /** Ends what a session came of at the issuer, by an access token of it. Default: its refresh token is revoked. */
  readonly endAtIssuer?: (session: Pick<Session, 'accessToken' | 'issuerSession'>) => Promise<void>;
}

export interface Bff {
  readonly handlers: readonly RouteHandler[];
  readonly rawRoutes: RawRoutes;
  /** For routes of the same front end. */
  readonly guard: Guard;
  readonly sessions: Sessions;
}

/** A user who signs out does not wait longer for the issuer. */
const ISSUER_END_MS = 2_000;

/** Everything that a front end in a browser needs to be signed in without holding a token. */
export function createBff(options: BffOptions): Bff {
  const { db, clock, logger, origin } = options;
  const names = cookieNames(options.product, origin);
  const { clientSecret } = options.issuer;
  const issuer =
    clientSecret === undefined
      ? undefined
      : createIssuer({ ...options.issuer, clientSecret, redirectUri: `${origin}/bff/callback` }, clock);
  const sessions = createSessions({
    ...options,
    store: createSessionStore(db),
    issuer: issuer ?? NO_ISSUER,
    codec: createSessionCodec(createValueSeal(options.encryptionKey, 'session')),
    lifetimes: options.lifetimes ?? SESSION_LIFETIMES,
  });
  const guard = createGuard({ origin, cookieName: names.session, sessions });
  const loginSeal = createValueSeal(options.encryptionKey, 'login');
  const logIn = createLogIn({ origin, names, issuer, sessions, seal: loginSeal, clock, logger });
  const { url, clientId } = options.issuer;
  const readLogoutToken = createLogoutTokenReader({ issuer: url, clientId, keys: options.keys, clock });

  async function endAtIssuer(session: Session): Promise<void> {
    const { refreshToken } = session;
    try {
      if (options.endAtIssuer === undefined) {
        if (refreshToken !== undefined) await issuer?.revoke(refreshToken);
        return;
      }
      const isGood = session.accessExpiresAt > clock.now() || refreshToken === undefined;
      const tokens = isGood ? undefined : await issuer?.refresh(refreshToken);
      await options.endAtIssuer({ ...session, ...tokens });
    } catch (err) {
      logger.warn({ err }, 'a session ended here and may live on at the issuer');
    }
  }

  return {
    guard,
    sessions,
    handlers: [
      handle(getSessionUser, async ({ headers }) => {
        guard.checkOrigin(headers, 'GET', true);
        const found = await guard.sessionOf(headers);
        if (found === undefined) return UNAUTHORIZED;
        const end = Math.min(found.idleUntil.getTime(), found.endsAt.getTime());
        const expiresIn = Math.max(0, Math.floor((end - clock.now().getTime()) / 1_000));
        return ok({ user: found.user, expiresIn, logoutUrl: '/bff/logout' }, { 'cache-control': 'no-store' });
      }),
      handle(logOutBrowser, async ({ headers }) => {
        guard.checkOrigin(headers, 'POST');
        const id = guard.sessionIdOf(headers);
        const ended = id === undefined ? undefined : await sessions.end(id);
        // It goes on without us: the session has ended here.
        if (ended) await within(ISSUER_END_MS, () => endAtIssuer(ended)).catch(() => undefined);
        return noContent({
          'set-cookie': forgetCookie(names.session, 'Strict'),
          'cache-control': 'no-store',
        });
      }),
    ],
    rawRoutes: async (app, tools) => {
      addNavigations(app, tools, { logIn, readLogoutToken, sessions });
      await app.register((scope, _options, done) => {
        addProxy(scope, tools, { ...options, guard, sessions });
        done();
      });
    },
  };
}

/** Without a secret there are no sessions: nothing asks. */
const NO_ISSUER = {
  refresh: () => Promise.reject(new TypeError('no issuer')),
  revoke: () => Promise.resolve(),
};
