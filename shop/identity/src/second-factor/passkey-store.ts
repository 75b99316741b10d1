import { createHash } from 'node:crypto';
import type { Clock } from '@flotilla/kernel';
import type { Database, Queryable, Transaction } from '@flotilla/postgres';

export interface Passkey {
  /** Of the credential, in base64url. */
  readonly id: string;
  readonly accountId: string;
  /** A COSE key. */
  readonly publicKey: Buffer;
  /** As the authenticator counted at its last use; some count nothing and say 0. */
  readonly counter: number;
  readonly transports: readonly string[];
  /** Whether it may be on several devices of its owner. */
  readonly isSynced: boolean;
  readonly name: string;
  readonly createdAt: Date;
  readonly lastUsedAt: Date | null;
}

/** The passkeys of accounts, and the challenges that were answered by one. */
export interface Passkeys {
  /** The oldest first. */
  list(accountId: string, on?: Queryable): Promise<readonly Passkey[]>;
  /** Locked until the transaction ends. */
  lock(tx: Transaction, id: string): Promise<Passkey | undefined>;
  /** Returns whether its id was new. */
  add(tx: Transaction, passkey: Omit<Passkey, 'createdAt' | 'lastUsedAt'>): Promise<boolean>;
  used(tx: Transaction, id: string, counter: number): Promise<void>;
  /** Returns the one that is gone; of another account it is none. */
  remove(tx: Transaction, accountId: string, id: string): Promise<Passkey | undefined>;
  /** Of many answers to one challenge exactly one gets `true`. */
  takeChallenge(tx: Transaction, challenge: string, goodUntil: Date): Promise<boolean>;
}

const ADD = `
  INSERT INTO passkey (id, account_id, public_key, counter, transports, is_synced, name, created_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (id) DO NOTHING RETURNING id`;

const TAKE = `
  INSERT INTO used_challenge (challenge_hash, expires_at) VALUES ($1, $2)
  ON CONFLICT DO NOTHING RETURNING expires_at`;

export function createPasskeys(db: Database, clock: Pick<Clock, 'now'>): Passkeys {
  return {
    list: async (accountId, on = db) => {
      const rows = await on.query<PasskeyRow>(
        'SELECT * FROM passkey WHERE account_id = $1 ORDER BY created_at, id',
        [accountId],
      );
      return rows.map(toPasskey);
    },
    lock: async (tx, id) => {
      const [row] = await tx.query<PasskeyRow>('SELECT * FROM passkey WHERE id = $1 FOR UPDATE', [id]);
      return row && toPasskey(row);
    },
    add: async (tx, { id, accountId, publicKey, counter, transports, isSynced, name }) => {
      const values = [id, accountId, publicKey, counter, transports, isSynced, name, clock.now()];
      return (await tx.query(ADD, values)).length === 1;
    },
    used: async (tx, id, counter) => {
      await tx.query('UPDATE passkey SET counter = $2, last_used_at = $3 WHERE id = $1', [
        ...[id, counter, clock.now()],
      ]);
    },
    remove: async (tx, accountId, id) => {
      const [row] = await tx.query<PasskeyRow>(
        'DELETE FROM passkey WHERE account_id = $1 AND id = $2 RETURNING *',
        [accountId, id],
      );
      return row && toPasskey(row);
    },
    takeChallenge: async (tx, challenge, goodUntil) => {
      const hash = createHash('sha256').update(challenge).digest();
      return (await tx.query(TAKE, [hash, goodUntil])).length === 1;
    },
  };
}

interface PasskeyRow {
  readonly id: string;
  readonly account_id: string;
  readonly public_key: Buffer;
  /** A bigint, as text. */
  readonly counter: string;
  readonly transports: readonly string[];
  readonly is_synced: boolean;
  readonly name: string;
  readonly created_at: Date;
  readonly last_used_at: Date | null;
}

function toPasskey(row: PasskeyRow): Passkey {
  return {
    id: row.id,
    accountId: row.account_id,
    publicKey: row.public_key,
    counter: Number(row.counter),
    transports: row.transports,
    isSynced: row.is_synced,
    name: row.name,
    createdAt: row.created_at,
    lastUsedAt: row.last_used_at,
  };
}
