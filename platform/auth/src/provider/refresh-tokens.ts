import { randomBytes } from 'node:crypto';
import { accept, type Clock, type Result, reject } from '@flotilla/kernel';
import type { Queryable } from '@flotilla/postgres';
import type { Lifetimes } from './lifetimes.ts';
import { decideUse, hashOf, type SuccessorOf, type TokenUse } from './rotation.ts';

/** A refresh token as it is presented, locked until the transaction ends. */
export interface LockedToken {
  readonly use: TokenUse;
  readonly sessionId: string | undefined;
  readonly grantId: string | undefined;
  readonly payload: Readonly<Record<string, unknown>>;
  readonly expiresAt: Date;
}

/** Opaque refresh tokens that belong to a session. Only hashes are stored. */
export interface RefreshTokens {
  /** Begins a family. `facts` of the login are handed on from one to the next. */
  issue(on: Queryable, sessionId: string, facts?: Facts): Promise<string>;
  /** Uses of one token wait here for each other. Undefined: unknown, expired, or its session has ended. */
  lock(on: Queryable, token: string): Promise<LockedToken | undefined>;
  /**
   * Uses a token up and gives its successor; the same one again for some seconds, while nobody has used that. Rejects
   * `replayed` for any other use of a used one: end its session then, in the same transaction.
   */
  rotate(on: Queryable, token: string): Promise<Result<Rotation, RefreshRejection>>;
}

type Facts = Readonly<Record<string, unknown>>;

export interface Rotation {
  readonly sessionId: string;
  /** Those that its family began with. */
  readonly facts: Facts;
  readonly refreshToken: string;
}

export type RefreshRejection =
  | { readonly kind: 'invalid' }
  | { readonly kind: 'replayed'; readonly sessionId: string };

export interface RefreshTokensOptions {
  readonly clock: Pick<Clock, 'now'>;
  readonly lifetimes: Lifetimes;
  readonly successorOf: SuccessorOf;
}

const LOCK = `
  SELECT r.payload, r.grant_id, r.session_id, r.consumed_at, r.expires_at FROM auth_record r
  WHERE r.model = 'RefreshToken' AND r.id_hash = $1 AND r.expires_at > $2
    AND (r.session_id IS NULL OR EXISTS (
      SELECT 1 FROM auth_session s WHERE s.id = r.session_id AND s.ended_at IS NULL AND s.idle_until > $2))
  FOR UPDATE OF r`;

// First the session, then what hangs on it: the order in which a logout takes them.
const LOCK_SESSION = `
  SELECT s.id FROM auth_session s JOIN auth_record r ON r.session_id = s.id
  WHERE r.model = 'RefreshToken' AND r.id_hash = $1 FOR NO KEY UPDATE OF s`;

const IS_USED = `
  SELECT 1 FROM auth_record WHERE model = 'RefreshToken' AND id_hash = $1 AND consumed_at IS NOT NULL`;

const CONSUME = `UPDATE auth_record SET consumed_at = $2 WHERE model = 'RefreshToken' AND id_hash = $1`;

const ADD = `
  INSERT INTO auth_record (model, id_hash, payload, session_id, expires_at)
  VALUES ('RefreshToken', $1, $4, $2, $3)`;

interface Row {
  readonly payload: Readonly<Record<string, unknown>>;
  readonly grant_id: string | null;
  readonly session_id: string | null;
  readonly consumed_at: Date | null;
  readonly expires_at: Date;
}

export function createRefreshTokens({ clock, lifetimes, successorOf }: RefreshTokensOptions): RefreshTokens {
  const { idleSeconds, repeatSeconds } = lifetimes;

  async function add(on: Queryable, token: string, sessionId: string, facts: Facts): Promise<void> {
    const expiresAt = new Date(clock.now().getTime() + idleSeconds * 1_000);
    await on.query(ADD, [hashOf(token), sessionId, expiresAt, JSON.stringify(facts)]);
  }

  async function lock(on: Queryable, token: string): Promise<LockedToken | undefined> {
    await on.query(LOCK_SESSION, [hashOf(token)]);
    const now = clock.now();
    const [row] = await on.query<Row>(LOCK, [hashOf(token), now]);
    if (row === undefined) return undefined;
    const usedAtMs = row.consumed_at?.getTime();
    const isSuccessorUsed =
      usedAtMs !== undefined && (await on.query(IS_USED, [hashOf(successorOf(token))])).length > 0;
    return {
      use: decideUse({ usedAtMs, isSuccessorUsed }, now.getTime(), repeatSeconds * 1_000),
      sessionId: row.session_id ?? undefined,
      grantId: row.grant_id ?? undefined,
      payload: row.payload,
      expiresAt: row.expires_at,
    };
  }

  return {
    issue: async (on, sessionId, facts = {}) => {
      const token = randomBytes(32).toString('base64url');
      await add(on, token, sessionId, facts);
      return token;
    },
    lock,
    rotate: async (on, token) => {
      const found = await lock(on, token);
      // Tokens of OpenID clients have a grant: they are exchanged at the token endpoint, by their client.
      if (found?.sessionId === undefined || found.grantId !== undefined) return reject({ kind: 'invalid' });
      const { sessionId, payload: facts } = found;
      if (found.use === 'replay') return reject({ kind: 'replayed', sessionId });
      const refreshToken = successorOf(token);
      if (found.use === 'first') {
        await on.query(CONSUME, [hashOf(token), clock.now()]);
        await add(on, refreshToken, sessionId, facts);
      }
      return accept({ sessionId, refreshToken, facts });
    },
  };
}
