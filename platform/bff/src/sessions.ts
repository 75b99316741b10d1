import { createHash, randomBytes } from 'node:crypto';
import { type Clock, crashPoint, isPlatformError } from '@flotilla/kernel';
import type { Database } from '@flotilla/postgres';
import type { Logger, Metrics } from '@flotilla/telemetry';
import type { Issuer, Tokens } from './issuer.ts';
import type { Seal } from './seal.ts';
import type { SessionRow, SessionStore } from './session-store.ts';

/** What is known of whoever is signed in. */
export interface SessionUser {
  readonly id: string;
  readonly name: string | null;
  readonly email: string | null;
  readonly tenantId: string | null;
}

/** Somebody who is signed in. */
export interface Session {
  readonly idHash: Buffer;
  readonly version: number;
  readonly user: SessionUser;
  readonly issuerSession: string | undefined;
  readonly accessToken: string;
  readonly refreshToken: string | undefined;
  readonly accessExpiresAt: Date;
  readonly idleUntil: Date;
  readonly endsAt: Date;
}

export interface SessionLifetimes {
  /** A session ends so long after its login. Default 30 days. */
  readonly sessionSeconds: number;
  /** A session that nobody uses ends after this. Default 7 days. */
  readonly idleSeconds: number;
}

export const SESSION_LIFETIMES: SessionLifetimes = { sessionSeconds: 30 * 86_400, idleSeconds: 7 * 86_400 };

export interface SessionsDeps {
  readonly store: SessionStore;
  /** Where exchanges of tokens wait for each other: a pool of their own, so that they never hold up everything else. */
  readonly refreshDb: Pick<Database, 'transaction'>;
  readonly issuer: Pick<Issuer, 'refresh' | 'revoke'>;
  readonly seal: Seal;
  readonly clock: Pick<Clock, 'now'>;
  readonly logger: Logger;
  readonly metrics: Metrics;
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
  end(id: string): Promise<Session | undefined>;
  endOf(of: { readonly issuerSession: string } | { readonly subject: string }): Promise<number>;
  forgetEnded(): Promise<void>;
}

const ID_BYTES = 32;
const ID = /^[A-Za-z0-9_-]{43}$/;
/** How old what is known of a session may be: the longest that one which ended elsewhere is still served here. */
const CACHE_MS = 1_000;
const MAX_CACHED = 10_000;
/** An access token is exchanged when less than this is left of it. */
const FRESH_MS = 30_000;
/** The end of an idle session is moved at most this often. */
const TOUCH_MS = 60_000;

interface Sealed {
  readonly user: SessionUser;
  readonly accessToken: string;
  readonly refreshToken?: string;
}

export function createSessions(deps: SessionsDeps): Sessions {
  const { store, seal, clock, lifetimes } = deps;
  const cache = new Map<string, { readonly session: Session; readonly atMs: number }>();
  const refreshing = new Map<string, Promise<Session | undefined>>();
  const exchanges = deps.metrics.counter('bff_token_exchanges_total', 'Refresh tokens exchanged, by outcome.', ['outcome']);
  const nowMs = () => clock.now().getTime();

  function remember(session: Session): Session {
    const key = keyOf(session.idHash);
    cache.delete(key);
    if (cache.size >= MAX_CACHED) cache.delete(cache.keys().next().value ?? '');
    cache.set(key, { session, atMs: nowMs() });
    return session;
  }

  function open(row: SessionRow): Session {
    // What stands in a row was put there by `sealOf`.
    const held = seal.open(row.sealed, keyOf(row.idHash)) as Sealed;
    const { sealed: _sealed, subject: _subject, ...rest } = row;
    return { ...rest, user: held.user, accessToken: held.accessToken, refreshToken: held.refreshToken };
  }

  function sealOf(idHash: Buffer, user: SessionUser, { accessToken, refreshToken }: Pick<Tokens, 'accessToken' | 'refreshToken'>): Buffer {
    const held: Sealed = { user, accessToken, ...(refreshToken !== undefined && { refreshToken }) };
    return seal.seal(held, keyOf(idHash));
  }

  /** Moves the end of an idle session, now and then. It changes a row that is there and nothing else. */
  function touch(session: Session): void {
    const until = Math.min(nowMs() + lifetimes.idleSeconds * 1_000, session.endsAt.getTime());
    if (until - session.idleUntil.getTime() < TOUCH_MS) return;
    const idleUntil = new Date(until);
    remember({ ...session, idleUntil });
    store.keepAlive(session.idHash, idleUntil).catch((err: unknown) => {
      deps.logger.warn({ err }, 'the end of a session could not be moved');
    });
  }

  const isFresh = (session: Session) => session.accessExpiresAt.getTime() - nowMs() > FRESH_MS;

  /** One at a time in this process by `refreshing`, over all replicas by the lock, which a dead process gives back. */
  async function exchange(session: Session, refused: string | undefined): Promise<Session | undefined> {
    const outcome = await deps.refreshDb.transaction(
      async (tx) => {
        await store.lock(tx, session.idHash);
        const row = await store.find(session.idHash, clock.now(), tx);
        if (row === undefined) return undefined;
        const current = open(row);
        const isDone = refused === undefined ? isFresh(current) : current.accessToken !== refused;
        if (isDone || current.refreshToken === undefined) return current;
        crashPoint('bff.before-exchange');
        // Remote while a transaction is open, on purpose: the lock is what makes it one exchange, however many replicas want it.
        const tokens = await deps.issuer.refresh(current.refreshToken);
        const next = { accessToken: tokens.accessToken, refreshToken: tokens.refreshToken ?? current.refreshToken };
        const accessExpiresAt = new Date(nowMs() + tokens.expiresInSeconds * 1_000);
        crashPoint('bff.before-tokens-commit');
        const sealed = sealOf(row.idHash, current.user, next);
        const isThere = await store.replaceTokens(tx, { ...row, sealed, accessExpiresAt });
        if (!isThere) return 'ended' as const;
        return { ...current, ...next, accessExpiresAt, version: row.version + 1 };
      },
      { reruns: 0 },
    );
    crashPoint('bff.after-tokens-commit');
    if (outcome === undefined || outcome === 'ended') {
      cache.delete(keyOf(session.idHash));
      return undefined;
    }
    return remember(outcome);
  }

  async function exchangeAndCount(session: Session, refused: string | undefined): Promise<Session | undefined> {
    try {
      const next = await exchange(session, refused);
      exchanges.inc({ outcome: next === undefined ? 'ended' : 'ok' });
      return next;
    } catch (error) {
      const isEnd = isPlatformError(error) && error.code === 'BFF_SESSION_ENDED';
      exchanges.inc({ outcome: isEnd ? 'refused' : 'failed' });
      if (!isEnd) throw error;
      deps.logger.info({ subject: session.user.id }, 'a session ended because the issuer gives no more tokens');
      await endRow(session.idHash);
      return undefined;
    }
  }

  async function endRow(idHash: Buffer): Promise<Session | undefined> {
    crashPoint('bff.before-end');
    const row = await store.end(idHash);
    crashPoint('bff.after-end');
    cache.delete(keyOf(idHash));
    return row && open(row);
  }

  return {
    begin: async (user, issuerSession, tokens) => {
      const id = randomBytes(ID_BYTES).toString('base64url');
      const idHash = hashOf(id);
      const createdAt = clock.now();
      const at = (seconds: number) => new Date(createdAt.getTime() + seconds * 1_000);
      const endsAt = at(lifetimes.sessionSeconds);
      crashPoint('bff.before-begin');
      await store.insert({
        ...{ idHash, subject: user.id, issuerSession, createdAt, endsAt },
        sealed: sealOf(idHash, user, tokens),
        accessExpiresAt: at(tokens.expiresInSeconds),
        idleUntil: at(Math.min(lifetimes.idleSeconds, lifetimes.sessionSeconds)),
      });
      crashPoint('bff.after-begin');
      return id;
    },
    find: async (id) => {
      if (!ID.test(id)) return undefined;
      const idHash = hashOf(id);
      const known = cache.get(keyOf(idHash));
      if (known !== undefined && nowMs() - known.atMs < CACHE_MS) return known.session;
      const row = await store.find(idHash, clock.now());
      if (row === undefined) {
        cache.delete(keyOf(idHash));
        return undefined;
      }
      const session = remember(open(row));
      touch(session);
      return session;
    },
    withToken: async (session, refused) => {
      if (refused === undefined ? isFresh(session) : session.accessToken !== refused) return session;
      const key = keyOf(session.idHash);
      const underway = refreshing.get(key) ?? exchangeAndCount(session, refused).finally(() => refreshing.delete(key));
      refreshing.set(key, underway);
      try {
        return await underway;
      } catch (error) {
        // It is about to end, and still good: the exchange is tried again by the next request.
        if (refused === undefined && session.accessExpiresAt.getTime() > nowMs()) return session;
        throw error;
      }
    },
    end: async (id) => (ID.test(id) ? await endRow(hashOf(id)) : undefined),
    endOf: async (of) => {
      crashPoint('bff.before-end-of');
      const ended = await store.endOf(of);
      crashPoint('bff.after-end-of');
      for (const idHash of ended) cache.delete(keyOf(idHash));
      return ended.length;
    },
    forgetEnded: () => store.forgetEnded(clock.now()),
  };
}

function hashOf(id: string): Buffer {
  return createHash('sha256').update(id).digest();
}

function keyOf(idHash: Buffer): string {
  return idHash.toString('base64url');
}
