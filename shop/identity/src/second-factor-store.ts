import { createHash, randomBytes } from 'node:crypto';
import type { Seal } from '@flotilla/auth';
import type { Clock } from '@flotilla/kernel';
import type { Database, Queryable, Transaction } from '@flotilla/postgres';
import { accountRule, delayMs } from './domain/login-delay.ts';
import { base32, findStep } from './totp.ts';

export interface SecondFactorState {
  readonly isOn: boolean;
  readonly recoveryCodesLeft: number;
}

/** Authenticator apps of accounts, and the codes for whoever has lost theirs. */
export interface SecondFactors {
  state(accountId: string): Promise<SecondFactorState>;
  isOn(accountId: string): Promise<boolean>;
  /** A new secret; the one that was begun before and never confirmed is gone. `undefined`: it is on already. */
  makeSecret(accountId: string): Promise<Buffer | undefined>;
  /** It is on from now. Gives the recovery codes, shown this once; `undefined` for a wrong code, or when there is nothing to confirm. */
  confirm(tx: Transaction, accountId: string, code: string): Promise<readonly string[] | undefined>;
  /**
   * Uses a code of the app or a recovery code up. Of the same one at once exactly one use wins; wrong ones slow the next down,
   * also many at once.
   */
  use(tx: Transaction, accountId: string, code: string): Promise<CodeUse>;
  /** Returns whether it was on. */
  remove(tx: Transaction, accountId: string): Promise<boolean>;
}

export type CodeUse =
  | { readonly kind: 'right' }
  | { readonly kind: 'wrong' }
  | { readonly kind: 'wait'; readonly waitMs: number };

const SECRET_BYTES = 20;
const RECOVERY_CODES = 10;
const RECOVERY_BYTES = 10;

const STATE = `
  SELECT (SELECT count(*)::int FROM recovery_code r WHERE r.account_id = f.account_id) AS codes
  FROM second_factor f WHERE account_id = $1 AND confirmed_at IS NOT NULL`;

const BEGIN = `
  INSERT INTO second_factor AS f (account_id, sealed_secret) VALUES ($1, $2)
  ON CONFLICT (account_id) DO UPDATE SET sealed_secret = excluded.sealed_secret, last_step = 0
  WHERE f.confirmed_at IS NULL RETURNING account_id`;

const LOCK = `
  SELECT sealed_secret, last_step::int AS last_step, failures, failed_at, blocked_until FROM second_factor
  WHERE account_id = $1 AND (confirmed_at IS NOT NULL) = $2 FOR UPDATE`;

interface Locked {
  readonly sealed_secret: Buffer;
  readonly last_step: number;
  readonly failures: number;
  readonly failed_at: Date | null;
  readonly blocked_until: Date | null;
}

const TAKEN = `
  UPDATE second_factor SET last_step = greatest(last_step, $2), failures = 0, blocked_until = NULL WHERE account_id = $1`;
const FAILED = `
  UPDATE second_factor SET failures = $2, failed_at = $3, blocked_until = $4 WHERE account_id = $1`;

export function createSecondFactors(db: Database, seal: Seal, clock: Pick<Clock, 'now'>): SecondFactors {
  const contextOf = (accountId: string) => `second factor of ${accountId}`;

  /** Locked until the transaction ends. */
  async function lock(tx: Transaction, accountId: string, isOn: boolean): Promise<Locked | undefined> {
    const [row] = await tx.query<Locked>(LOCK, [accountId, isOn]);
    return row;
  }

  function stepOf(row: Locked, accountId: string, code: string): number | undefined {
    const secret = seal.open(row.sealed_secret, contextOf(accountId));
    return findStep(secret, code, clock.now().getTime(), row.last_step);
  }

  async function fail(
    tx: Transaction,
    accountId: string,
    { failures, failed_at: failedAt }: Locked,
  ): Promise<void> {
    const now = clock.now();
    const sinceMs = now.getTime() - (failedAt?.getTime() ?? 0);
    const count = 1 + Math.max(0, failures - Math.floor(sinceMs / accountRule.forgetOneAfterMs));
    const until = new Date(now.getTime() + delayMs(count, accountRule));
    await tx.query(FAILED, [accountId, count, now, until]);
  }

  async function stateOf(accountId: string): Promise<SecondFactorState> {
    const [row] = await db.query<{ codes: number }>(STATE, [accountId]);
    return { isOn: row !== undefined, recoveryCodesLeft: row?.codes ?? 0 };
  }

  return {
    state: stateOf,
    isOn: async (accountId) => (await stateOf(accountId)).isOn,
    makeSecret: async (accountId) => {
      const secret = randomBytes(SECRET_BYTES);
      const begun = await db.query(BEGIN, [accountId, seal.seal(secret, contextOf(accountId))]);
      return begun.length === 1 ? secret : undefined;
    },
    confirm: async (tx, accountId, code) => {
      const row = await lock(tx, accountId, false);
      const step = row && stepOf(row, accountId, code);
      if (step === undefined) return undefined;
      await tx.query('UPDATE second_factor SET confirmed_at = $2, last_step = $3 WHERE account_id = $1', [
        ...[accountId, clock.now(), step],
      ]);
      return await newRecoveryCodes(tx, accountId);
    },
    use: async (tx, accountId, code) => {
      const row = await lock(tx, accountId, true);
      if (row === undefined) return { kind: 'wrong' };
      const waitMs = (row.blocked_until?.getTime() ?? 0) - clock.now().getTime();
      if (waitMs > 0) return { kind: 'wait', waitMs };
      const step = stepOf(row, accountId, code);
      if (step === undefined && !(await useRecoveryCode(tx, accountId, code))) {
        await fail(tx, accountId, row);
        return { kind: 'wrong' };
      }
      await tx.query(TAKEN, [accountId, step ?? 0]);
      return { kind: 'right' };
    },
    remove: removeSecondFactorOf,
  };
}

/** Its recovery codes go with it. Returns whether there was one, confirmed or not. */
export async function removeSecondFactorOf(tx: Queryable, accountId: string): Promise<boolean> {
  const removed = await tx.query('DELETE FROM second_factor WHERE account_id = $1 RETURNING account_id', [
    accountId,
  ]);
  return removed.length === 1;
}

async function newRecoveryCodes(on: Queryable, accountId: string): Promise<readonly string[]> {
  const codes = Array.from({ length: RECOVERY_CODES }, () =>
    (base32(randomBytes(RECOVERY_BYTES)).match(/.{4}/g) ?? []).join('-'),
  );
  await on.query('INSERT INTO recovery_code (account_id, code_hash) SELECT $1, unnest($2::bytea[])', [
    accountId,
    codes.map(hashOf),
  ]);
  return codes;
}

async function useRecoveryCode(on: Queryable, accountId: string, code: string): Promise<boolean> {
  const used = await on.query(
    'DELETE FROM recovery_code WHERE account_id = $1 AND code_hash = $2 RETURNING 1',
    [...[accountId, hashOf(code)]],
  );
  return used.length === 1;
}

/** However it is typed in: with or without dashes, in whatever case. */
function hashOf(code: string): Buffer {
  const plain = code.toUpperCase().replaceAll(/[^A-Z2-7]/g, '');
  return createHash('sha256').update(plain).digest();
}
