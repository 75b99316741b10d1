import type { Queryable, Transaction } from '@flotilla/postgres';

/** One row, its secrets sealed. */
export interface SessionRow {
  readonly idHash: Buffer;
  readonly version: number;
  readonly subject: string;
  readonly issuerSession: string | undefined;
  readonly sealed: Buffer;
  readonly accessExpiresAt: Date;
  readonly idleUntil: Date;
  readonly endsAt: Date;
}

export type NewSessionRow = Omit<SessionRow, 'version'> & { readonly createdAt: Date };

/** A row only ever changes while it is there: nothing that began before its end brings it back. */
export interface SessionStore {
  insert(row: NewSessionRow): Promise<void>;
  find(idHash: Buffer, now: Date, on?: Queryable): Promise<SessionRow | undefined>;
  /** One at a time for each session over all replicas, until the transaction ends. */
  lock(tx: Transaction, idHash: Buffer): Promise<void>;
  /** `false` = it has ended, or was replaced since it was read. */
  replaceTokens(
    tx: Transaction,
    row: Pick<SessionRow, 'idHash' | 'version' | 'sealed' | 'accessExpiresAt'>,
  ): Promise<boolean>;
  keepAlive(idHash: Buffer, idleUntil: Date): Promise<void>;
  /** The row that has been deleted. */
  end(idHash: Buffer): Promise<SessionRow | undefined>;
  /** All that came of one session at the issuer, or of one subject; the hashes of their ids. */
  endOf(of: { readonly issuerSession: string } | { readonly subject: string }): Promise<readonly Buffer[]>;
  forgetEnded(now: Date): Promise<void>;
}

interface Stored {
  readonly id_hash: Buffer;
  readonly version: number;
  readonly subject: string;
  readonly issuer_session: string | null;
  readonly sealed: Buffer;
  readonly access_expires_at: string;
  readonly idle_until: string;
  readonly ends_at: string;
}

const COLUMNS = 'id_hash, version, subject, issuer_session, sealed, access_expires_at, idle_until, ends_at';

export function createSessionStore(db: Queryable): SessionStore {
  return {
    insert: async (row) => {
      await db.query(
        `INSERT INTO bff_session (id_hash, subject, issuer_session, sealed, access_expires_at, created_at, idle_until, ends_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
        [
          ...[row.idHash, row.subject, row.issuerSession ?? null, row.sealed, row.accessExpiresAt],
          ...[row.createdAt, row.idleUntil, row.endsAt],
        ],
      );
    },
    find: async (idHash, now, on = db) => {
      const [row] = await on.query<Stored>(
        `SELECT ${COLUMNS} FROM bff_session WHERE id_hash = $1 AND idle_until > $2 AND ends_at > $2`,
        [idHash, now],
      );
      return row && toRow(row);
    },
    // Not the row's own lock: a logout deletes the row at once, however long the issuer takes to answer an exchange.
    lock: async (tx, idHash) => {
      await tx.query('SELECT pg_advisory_xact_lock($1)', [idHash.readBigInt64BE(0).toString()]);
    },
    replaceTokens: async (tx, { idHash, version, sealed, accessExpiresAt }) => {
      const changed = await tx.query(
        `UPDATE bff_session SET sealed = $3, access_expires_at = $4, version = version + 1
         WHERE id_hash = $1 AND version = $2 RETURNING 1`,
        [idHash, version, sealed, accessExpiresAt],
      );
      return changed.length === 1;
    },
    keepAlive: async (idHash, idleUntil) => {
      await db.query('UPDATE bff_session SET idle_until = greatest(idle_until, $2) WHERE id_hash = $1', [
        idHash,
        idleUntil,
      ]);
    },
    end: async (idHash) => {
      const [row] = await db.query<Stored>(
        `DELETE FROM bff_session WHERE id_hash = $1 RETURNING ${COLUMNS}`,
        [idHash],
      );
      return row && toRow(row);
    },
    endOf: async (of) => {
      const [column, value] =
        'subject' in of ? ['subject', of.subject] : ['issuer_session', of.issuerSession];
      const ended = await db.query<{ id_hash: Buffer }>(
        `DELETE FROM bff_session WHERE ${column} = $1 RETURNING id_hash`,
        [value],
      );
      return ended.map((row) => row.id_hash);
    },
    forgetEnded: async (now) => {
      await db.query('DELETE FROM bff_session WHERE idle_until <= $1 OR ends_at <= $1', [now]);
    },
  };
}

function toRow(row: Stored): SessionRow {
  return {
    idHash: row.id_hash,
    version: row.version,
    subject: row.subject,
    issuerSession: row.issuer_session ?? undefined,
    sealed: row.sealed,
    accessExpiresAt: new Date(row.access_expires_at),
    idleUntil: new Date(row.idle_until),
    endsAt: new Date(row.ends_at),
  };
}
