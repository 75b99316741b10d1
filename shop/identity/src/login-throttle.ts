import { createHash } from 'node:crypto';
import type { Database } from '@flotilla/postgres';
import { emailKey } from './domain/account.ts';
import { accountRule, addressRule, type DelayRule, delayMs } from './domain/login-delay.ts';

/** One login attempt, as the throttle sees it. */
interface Attempt {
  readonly account: string;
  readonly address: string;
}

/**
 * Slows repeated failures down, per account and per network address. Kept in the database: it holds for all
 * replicas and across restarts. Accounts that do not exist are throttled like those that do.
 */
export interface LoginThrottle {
  attempt(email: string, address: string): Promise<Attempt>;
  /** How long this attempt still has to wait; 0 when it may go on. */
  waitMs(attempt: Attempt): Promise<number>;
  failed(attempt: Attempt): Promise<void>;
  /** Forgets the account's failures. Those of the address stay: a success with one account must not buy guesses at others. */
  succeeded(attempt: Attempt, accountId: string, address: string): Promise<void>;
}

const KNOWN = `
  SELECT 1 FROM known_address k JOIN account a ON a.id = k.account_id
  WHERE a.email_key = $1 AND k.address = $2`;

const WAIT = `
  SELECT ceil(extract(epoch FROM max(blocked_until) - clock_timestamp()) * 1000)::float8 AS wait_ms
  FROM login_failure WHERE subject = ANY ($1::text[])`;

const COUNT = `
  INSERT INTO login_failure AS f (subject, failures, failed_at, blocked_until)
  VALUES ($1, 1, clock_timestamp(), clock_timestamp())
  ON CONFLICT (subject) DO UPDATE SET
    failures = 1 + greatest(0, f.failures - floor(extract(epoch FROM clock_timestamp() - f.failed_at) * 1000 / $2)::int),
    failed_at = clock_timestamp()
  RETURNING failures`;

const BLOCK = `
  UPDATE login_failure SET blocked_until = clock_timestamp() + $2 * interval '1 millisecond' WHERE subject = $1`;

const REMEMBER = `
  INSERT INTO known_address (account_id, address) VALUES ($1, $2)
  ON CONFLICT (account_id, address) DO UPDATE SET seen_at = now()
  WHERE known_address.seen_at < now() - interval '1 day'`;

export function createLoginThrottle(db: Database): LoginThrottle {
  async function count(subject: string, rule: DelayRule): Promise<void> {
    await db.transaction(async (tx) => {
      // The counted row stays locked, so concurrent failures are counted one by one.
      const [row] = await tx.query<{ failures: number }>(COUNT, [subject, rule.forgetOneAfterMs]);
      const delay = delayMs(row?.failures ?? 0, rule);
      if (delay > 0) await tx.query(BLOCK, [subject, delay]);
    });
  }

  return {
    attempt: async (email, address) => {
      const key = emailKey(email);
      const known = await db.query(KNOWN, [key, address]);
      // An attacker elsewhere can slow an account down, but not for its owner at a known address.
      const account = known.length > 0 ? `account:${digest(key)}@${address}` : `account:${digest(key)}`;
      return { account, address: `address:${address}` };
    },
    waitMs: async ({ account, address }) => {
      const [row] = await db.query<{ wait_ms: number | null }>(WAIT, [[account, address]]);
      return Math.max(0, row?.wait_ms ?? 0);
    },
    failed: async ({ account, address }) => {
      await count(account, accountRule);
      await count(address, addressRule);
    },
    succeeded: async ({ account }, accountId, address) => {
      await db.query('DELETE FROM login_failure WHERE subject = $1', [account]);
      await db.query(REMEMBER, [accountId, address]);
    },
  };
}

/** Of fixed length whatever was typed in, and no list of addresses for whoever reads the table. */
function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}
