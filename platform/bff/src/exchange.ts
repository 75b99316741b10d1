import { type Clock, crashPoint, isPlatformError } from '@flotilla/kernel';
import type { Database } from '@flotilla/postgres';
import type { Metrics } from '@flotilla/telemetry';
import { bffError } from './errors.ts';
import type { Claims, Issuer } from './issuer.ts';
import { keyOf, type Session, type SessionCodec, type SessionUser, userOf } from './session.ts';
import type { SessionStore } from './session-store.ts';

export interface ExchangeDeps {
  readonly store: SessionStore;
  /** A pool of its own: whoever waits for the issuer must not hold up everything else. */
  readonly refreshDb: Pick<Database, 'transaction'>;
  readonly issuer: Pick<Issuer, 'refresh'>;
  readonly codec: SessionCodec;
  readonly clock: Pick<Clock, 'now'>;
  readonly metrics: Metrics;
}

/**
 * The session with new tokens, or with those that somebody else got meanwhile. `refused`: an access token that a service did not take, and
 * that is exchanged whatever its age. `undefined` = the session has ended. Throws `BFF_SESSION_ENDED`, `BFF_ISSUER_UNAVAILABLE`.
 */
export type Exchange = (session: Session, refused: string | undefined) => Promise<Session | undefined>;

/** An access token is exchanged when less than this is left of it. */
const FRESH_MS = 30_000;

export function isFresh({ accessExpiresAt }: Session, nowMs: number): boolean {
  return accessExpiresAt.getTime() - nowMs > FRESH_MS;
}

/** A name may have changed meanwhile. By OpenID Connect Core §12.2 tokens of somebody else are no successors. */
function userAfter({ user }: Session, claims: Claims | undefined): SessionUser {
  if (claims === undefined) return user;
  if (claims.sub !== user.id) throw bffError('BFF_SESSION_ENDED', 'the issuer gave tokens of another user');
  return userOf(claims);
}

/**
 * Exchanges refresh tokens, one exchange a session at a time: in this process by what is under way, over all replicas by a lock in the
 * database, which a dead process gives back.
 */
export function createExchange(deps: ExchangeDeps): Exchange {
  const { store, issuer, codec, clock } = deps;
  const underway = new Map<string, Promise<Session | undefined>>();
  const exchanges = deps.metrics.counter(
    'bff_token_exchanges_total',
    'Refresh tokens exchanged, by outcome.',
    ['outcome'],
    '{exchange}',
  );

  async function exchange(session: Session, refused: string | undefined): Promise<Session | undefined> {
    const next = await deps.refreshDb.transaction(
      async (tx) => {
        await store.lock(tx, session.idHash);
        const row = await store.find(session.idHash, clock.now(), tx);
        if (row === undefined) return undefined;
        const current = codec.open(row);
        const isDone =
          refused === undefined ? isFresh(current, clock.now().getTime()) : current.accessToken !== refused;
        if (isDone || current.refreshToken === undefined) return current;
        crashPoint('bff.before-exchange');
        // Remote while a transaction is open, on purpose: the lock is what makes it one exchange, however many want it.
        const given = await issuer.refresh(current.refreshToken);
        exchanges.inc({ outcome: 'ok' });
        const tokens = {
          accessToken: given.accessToken,
          refreshToken: given.refreshToken ?? current.refreshToken,
        };
        const accessExpiresAt = new Date(clock.now().getTime() + given.expiresInSeconds * 1_000);
        const user = userAfter(current, given.claims);
        const sealed = codec.seal(row.idHash, user, tokens);
        crashPoint('bff.before-tokens-commit');
        const isThere = await store.replaceTokens(tx, { ...row, sealed, accessExpiresAt });
        return isThere
          ? { ...current, user, ...tokens, accessExpiresAt, version: row.version + 1 }
          : undefined;
      },
      { reruns: 0 },
    );
    crashPoint('bff.after-tokens-commit');
    return next;
  }

  async function counted(session: Session, refused: string | undefined): Promise<Session | undefined> {
    try {
      return await exchange(session, refused);
    } catch (error) {
      const isEnd = isPlatformError(error) && error.code === 'BFF_SESSION_ENDED';
      exchanges.inc({ outcome: isEnd ? 'refused' : 'failed' });
      throw error;
    }
  }

  return (session, refused) => {
    const key = keyOf(session.idHash);
    const running = underway.get(key) ?? counted(session, refused).finally(() => underway.delete(key));
    underway.set(key, running);
    return running;
  };
}
