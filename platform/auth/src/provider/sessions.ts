import type { Clock } from '@flotilla/kernel';
import type { Database, Queryable, Transaction } from '@flotilla/postgres';
import { idleUntil, type Lifetimes } from './lifetimes.ts';

/** Why a session is over. */
export type EndReason =
  | 'signed-out'
  | 'expired'
  | 'revoked'
  | 'replayed'
  | 'password-changed'
  | 'account-disabled';

/** A login of an account, on one device. */
export interface Session {
  readonly id: string;
  readonly accountId: string;
  readonly clientIds: readonly string[];
  readonly device: string | undefined;
  readonly address: string | undefined;
  readonly createdAt: Date;
  readonly lastUsedAt: Date;
  readonly expiresAt: Date;
}

export interface EndedSession {
  readonly id: string;
  readonly accountId: string;
  readonly clientIds: readonly string[];
  readonly endedAt: Date;
  readonly reason: EndReason;
}

/** A session that is used: a new one begins to live, one that is there lives on. */
export interface SessionUse {
  readonly id: string;
  readonly accountId: string;
  readonly clientIds: readonly string[];
  readonly device?: string | undefined;
  readonly address?: string | undefined;
}

export interface Sessions {
  /** Begins a session, or records that it is used. An ended one stays ended: then `false`. */
  use(on: Queryable, session: SessionUse): Promise<boolean>;
  /** Records that it is used; gives its account, or nothing when it has ended. */
  touch(on: Queryable, id: string): Promise<string | undefined>;
  /** Whether it lives; looking at it is no use of it. */
  lives(on: Queryable, id: string): Promise<boolean>;
  /** Those that live, the newest first. */
  list(accountId: string): Promise<readonly Session[]>;
  /** Ends it with all that came of it, in the caller's transaction. Returns whether it lived. */
  end(tx: Transaction, id: string, reason: EndReason): Promise<boolean>;
  /** Ends all of an account, but for one. Returns how many. */
  endAll(tx: Transaction, accountId: string, reason: EndReason, except?: string): Promise<number>;
  /** Ends those that have expired, some hundred at a time. Returns how many. */
  endExpired(): Promise<number>;
}

export interface SessionsOptions {
  readonly db: Database;
  readonly clock: Pick<Clock, 'now'>;
  readonly lifetimes: Lifetimes;
  /** Told in the transaction that ends a session: tell others by an outbox. */
  readonly onEnded: (tx: Transaction, session: EndedSession) => Promise<void>;
}

const USE = `
  INSERT INTO auth_session AS s
    (id, account_id, client_ids, device, address, created_at, last_used_at, idle_until, expires_at)
  VALUES ($1, $2, $3, $4, $5, $6, $6, $7, $8)
  ON CONFLICT (id) DO UPDATE SET
    client_ids = ARRAY(SELECT DISTINCT unnest(s.client_ids || excluded.client_ids)),
    last_used_at = excluded.last_used_at,
    idle_until = least(excluded.idle_until, s.expires_at),
    device = coalesce(excluded.device, s.device),
    address = coalesce(excluded.address, s.address)
  WHERE s.ended_at IS NULL AND s.idle_until > excluded.last_used_at AND s.account_id = excluded.account_id
  RETURNING id`;

const TOUCH = `
  UPDATE auth_session SET last_used_at = $2, idle_until = least($3, expires_at)
  WHERE id = $1 AND ended_at IS NULL AND idle_until > $2 RETURNING account_id`;

const LIVES = 'SELECT 1 FROM auth_session WHERE id = $1 AND ended_at IS NULL AND idle_until > $2';

const LIST = `
  SELECT id, account_id, client_ids, device, address, created_at, last_used_at, expires_at FROM auth_session
  WHERE account_id = $1 AND ended_at IS NULL AND idle_until > $2 ORDER BY created_at DESC, id`;

const END = `
  UPDATE auth_session SET ended_at = $2, end_reason = $3 WHERE id = ANY ($1::text[]) AND ended_at IS NULL
  RETURNING id, account_id, client_ids`;

const FORGET = 'DELETE FROM auth_record WHERE session_id = ANY ($1::text[])';

const LIVING = `
  SELECT id FROM auth_session WHERE account_id = $1 AND ended_at IS NULL AND id IS DISTINCT FROM $2 ORDER BY id`;

// One that is being ended or used this moment is left to the next round.
const EXPIRED = `
  SELECT id FROM auth_session WHERE ended_at IS NULL AND idle_until <= $1
  ORDER BY idle_until LIMIT 200 FOR UPDATE SKIP LOCKED`;

interface SessionRow {
  readonly id: string;
  readonly account_id: string;
  readonly client_ids: readonly string[];
  readonly device: string | null;
  readonly address: string | null;
  readonly created_at: Date;
  readonly last_used_at: Date;
  readonly expires_at: Date;
}

export function createSessions({ db, clock, lifetimes, onEnded }: SessionsOptions): Sessions {
  async function endThese(tx: Transaction, ids: readonly string[], reason: EndReason): Promise<number> {
    if (ids.length === 0) return 0;
    const endedAt = clock.now();
    const ended = await tx.query<SessionRow>(END, [ids, endedAt, reason]);
    await tx.query(FORGET, [ids]);
    for (const row of ended)
      await onEnded(tx, {
        id: row.id,
        accountId: row.account_id,
        clientIds: row.client_ids,
        endedAt,
        reason,
      });
    return ended.length;
  }

  return {
    use: async (on, { id, accountId, clientIds, device, address }) => {
      const now = clock.now();
      const expiresAt = new Date(now.getTime() + lifetimes.sessionSeconds * 1_000);
      const restsUntil = idleUntil(now, expiresAt, lifetimes);
      const values = [id, accountId, clientIds, device ?? null, address ?? null, now, restsUntil, expiresAt];
      return (await on.query(USE, values)).length === 1;
    },
    touch: async (on, id) => {
      const now = clock.now();
      const restsUntil = new Date(now.getTime() + lifetimes.idleSeconds * 1_000);
      const [row] = await on.query<{ account_id: string }>(TOUCH, [id, now, restsUntil]);
      return row?.account_id;
    },
    lives: async (on, id) => (await on.query(LIVES, [id, clock.now()])).length === 1,
    list: async (accountId) => (await db.query<SessionRow>(LIST, [accountId, clock.now()])).map(toSession),
    end: async (tx, id, reason) => (await endThese(tx, [id], reason)) === 1,
    endAll: async (tx, accountId, reason, except) => {
      const rows = await tx.query<{ id: string }>(LIVING, [accountId, except ?? null]);
      return await endThese(
        tx,
        rows.map(({ id }) => id),
        reason,
      );
    },
    endExpired: () =>
      db.transaction(async (tx) => {
        const rows = await tx.query<{ id: string }>(EXPIRED, [clock.now()]);
        return await endThese(
          tx,
          rows.map(({ id }) => id),
          'expired',
        );
      }),
  };
}

function toSession(row: SessionRow): Session {
  return {
    id: row.id,
    accountId: row.account_id,
    clientIds: row.client_ids,
    device: row.device ?? undefined,
    address: row.address ?? undefined,
    createdAt: row.created_at,
    lastUsedAt: row.last_used_at,
    expiresAt: row.expires_at,
  };
}
