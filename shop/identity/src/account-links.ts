import { createHash, randomBytes } from 'node:crypto';
import type { Clock } from '@flotilla/kernel';
import type { Database, Queryable, Transaction } from '@flotilla/postgres';

export type LinkPurpose = 'reset-password' | 'verify-email';

/** How long links in mails work. */
const LIFETIME_SECONDS: Readonly<Record<LinkPurpose, number>> = {
  'reset-password': 60 * 60,
  'verify-email': 3 * 24 * 60 * 60,
};

interface Link {
  readonly accountId: string;
  /** Of the account, when the link was made. */
  readonly version: number;
}

/** Links that are mailed: each opens one account for one purpose, once. Only hashes are stored. */
export interface AccountLinks {
  /** The one before it, for the same purpose, is good for nothing from now on. */
  make(tx: Transaction, link: Link & { readonly purpose: LinkPurpose }): Promise<MadeLink>;
  /** Only looks: programs that check mails open every link in them. */
  find(token: string, purpose: LinkPurpose): Promise<Link | undefined>;
  /** Uses it up; of any number at once exactly one gets it. */
  spend(tx: Transaction, token: string, purpose: LinkPurpose): Promise<Link | undefined>;
  /** Whose link was used up by this very token in the last ten minutes. */
  justSpent(token: string, purpose: LinkPurpose): Promise<string | undefined>;
}

export interface MadeLink {
  readonly token: string;
  readonly expiresAt: Date;
}

const MAKE = `
  INSERT INTO account_link (account_id, purpose, token_hash, account_version, expires_at)
  VALUES ($1, $2, $3, $4, $5)
  ON CONFLICT (account_id, purpose) DO UPDATE SET
    token_hash = excluded.token_hash, account_version = excluded.account_version, expires_at = excluded.expires_at,
    spent_at = NULL`;

/** The account is as it was when the link was made. */
const HOLDS = `
  l.token_hash = $1 AND l.purpose = $2 AND l.expires_at > $3 AND l.spent_at IS NULL
  AND a.id = l.account_id AND a.version = l.account_version AND a.disabled_at IS NULL`;
const FIND = `SELECT a.id, a.version FROM account_link l, account a WHERE ${HOLDS}`;
const SPEND = `UPDATE account_link l SET spent_at = $3 FROM account a WHERE ${HOLDS} RETURNING a.id, a.version`;
const JUST_SPENT = `
  SELECT account_id FROM account_link
  WHERE token_hash = $1 AND purpose = $2 AND spent_at > $3::timestamptz - interval '10 minutes'`;

interface Row {
  readonly id: string;
  readonly version: number;
}

export function createAccountLinks(db: Database, clock: Pick<Clock, 'now'>): AccountLinks {
  async function ask(on: Queryable, sql: string, token: string, purpose: LinkPurpose) {
    const [row] = await on.query<Row>(sql, [hashOf(token), purpose, clock.now()]);
    return row && { accountId: row.id, version: row.version };
  }

  return {
    make: async (tx, { accountId, version, purpose }) => {
      const token = randomBytes(32).toString('base64url');
      const expiresAt = new Date(clock.now().getTime() + LIFETIME_SECONDS[purpose] * 1_000);
      await tx.query(MAKE, [accountId, purpose, hashOf(token), version, expiresAt]);
      return { token, expiresAt };
    },
    find: (token, purpose) => ask(db, FIND, token, purpose),
    spend: (tx, token, purpose) => ask(tx, SPEND, token, purpose),
    justSpent: async (token, purpose) => {
      const found = await db.query<{ account_id: string }>(JUST_SPENT, [hashOf(token), purpose, clock.now()]);
      return found[0]?.account_id;
    },
  };
}

function hashOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
