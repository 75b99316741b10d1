import { randomBytes } from 'node:crypto';
import { crashPoint, isPlatformError } from '@flotilla/kernel';
import type { Logger } from '@flotilla/telemetry';
import { createExchange, type ExchangeDeps, isFresh } from './exchange.ts';
import type { Tokens } from './issuer.ts';
import { hashOf, type Session, type SessionUser } from './session.ts';
import { createSessionCache } from './session-cache.ts';

export interface SessionLifetimes {
  /** A session ends so long after its login. */
  readonly sessionSeconds: number;
  /** A session that nobody uses ends after this. */
  readonly idleSeconds: number;
}

/** No longer than what the issuer of the shop gives: 30 days, 7 without a use. */
export const SESSION_LIFETIMES: SessionLifetimes = { sessionSeconds: 30 * 86_400, idleSeconds: 7 * 86_400 };

export interface SessionsDeps extends ExchangeDeps {
  readonly logger: Logger;
  readonly lifetimes: SessionLifetimes;
}

export interface Sessions {
  /** A new session; its id is a bearer's secret and shown this once. */
  begin(user: SessionUser, issuerSession: string | undefined, tokens: Tokens): Promise<string>;
  /** Whoever has this id; `undefined` = nobody, or not any more. */
  find(id: string): Promise<Session | undefined>;
  /**
   * The session with an access token that is good for a while. `refused`: one that a service did not take, and that is exchanged
   * whatever its age. `undefined` = the session has ended. Throws `BFF_ISSUER_UNAVAILABLE` when there is no good token and that is all that
   * is known.
   */
  withToken(session: Session, refused?: string): Promise<Session | undefined>;
  /** The session that has ended by this; `undefined` = there was none. */
  end(id: string): Promise<Session | undefined>;
  /** How many have ended. */
  endOf(of: { readonly issuerSession: string } | { readonly subject: string }): Promise<number>;
  forgetEnded(): Promise<void>;
}

const ID_BYTES = 32;
/** The end of an idle session is moved at most this often. */
const TOUCH_MS = 60_000;

export function createSessions(deps: SessionsDeps): Sessions {
  const { store, codec, clock, logger, lifetimes } = deps;
  const cache = createSessionCache();
  const exchange = createExchange(deps);
  const nowMs = () => clock.now().getTime();

  /** It changes a row that is there and nothing else: a session that ends meanwhile does not come back. */
  function touch(session: Session): void {
    const until = Math.min(nowMs() + lifetimes.idleSeconds * 1_000, session.endsAt.getTime());
    if (until - session.idleUntil.getTime() < TOUCH_MS) return;
    store.keepAlive(session.idHash, new Date(until)).catch((err: unknown) => {
      logger.warn({ err }, 'the end of a session could not be moved');
    });
  }

  async function endRow(idHash: Buffer): Promise<Session | undefined> {
    crashPoint('bff.before-end');
    const row = await store.end(idHash);
    crashPoint('bff.after-end');
    cache.end(idHash);
    return row && codec.open(row);
  }

  /** Whoever lost a race is told what the winner got; the session ends only when the issuer says so. */
  async function renew(session: Session, refused: string | undefined): Promise<Session | undefined> {
    try {
      const next = await exchange(session, refused);
      if (next === undefined) cache.end(session.idHash);
      return next && cache.remember(next, nowMs());
    } catch (error) {
      if (isPlatformError(error) && error.code === 'BFF_SESSION_ENDED') {
        logger.info({ subject: session.user.id }, 'a session ended: the issuer gives no more tokens');
        await endRow(session.idHash);
        return undefined;
      }
      // It is about to end, and still good: the next request tries again.
      if (refused === undefined && session.accessExpiresAt.getTime() > nowMs()) return session;
      throw error;
    }
  }

  return {
    begin: async (user, issuerSession, tokens) => {
      const id = randomBytes(ID_BYTES).toString('base64url');
      const idHash = hashOf(id) ?? Buffer.alloc(0); // it is one of ours
      const createdAt = clock.now();
      const at = (seconds: number) => new Date(createdAt.getTime() + seconds * 1_000);
      crashPoint('bff.before-begin');
      await store.insert({
        ...{ idHash, subject: user.id, issuerSession, createdAt },
        sealed: codec.seal(idHash, user, tokens),
        accessExpiresAt: at(tokens.expiresInSeconds),
        idleUntil: at(Math.min(lifetimes.idleSeconds, lifetimes.sessionSeconds)),
        endsAt: at(lifetimes.sessionSeconds),
      });
      crashPoint('bff.after-begin');
      return id;
    },
    find: async (id) => {
      const idHash = hashOf(id);
      if (idHash === undefined) return undefined;
      const known = cache.find(idHash, nowMs());
      if (known !== undefined) return known;
      const row = await store.find(idHash, clock.now());
      if (row === undefined) return undefined;
      const session = codec.open(row);
      touch(session);
      return cache.remember(session, nowMs());
    },
    withToken: async (session, refused) => {
      const isGood = refused === undefined ? isFresh(session, nowMs()) : session.accessToken !== refused;
      return isGood ? session : await renew(session, refused);
    },
    end: async (id) => {
      const idHash = hashOf(id);
      return idHash && (await endRow(idHash));
    },
    endOf: async (of) => {
      crashPoint('bff.before-end-of');
      const ended = await store.endOf(of);
      crashPoint('bff.after-end-of');
      for (const idHash of ended) cache.end(idHash);
      return ended.length;
    },
    forgetEnded: () => store.forgetEnded(clock.now()),
  };
}
