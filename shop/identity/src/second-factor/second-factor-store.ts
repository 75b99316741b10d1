import { createHash, randomBytes } from 'node:crypto';
import type { Seal } from '@flotilla/auth';
import type { Clock } from '@flotilla/kernel';
import type { Database, Queryable, Transaction } from '@flotilla/postgres';
import { accountRule, delayMs } from '../domain/login-delay.ts';
import { base32, findStep } from './totp.ts';

export interface SecondFactorState {
  /** A password is not enough: there is an app, or a passkey. */
  readonly isOn: boolean;
  readonly hasApp: boolean;
  readonly passkeys: number;
  readonly recoveryCodesLeft: number;
}

/** Authenticator apps of accounts, and the codes for whoever has lost theirs, or their passkeys. */
export interface SecondFactors {
  state(accountId: string): Promise<SecondFactorState>;
  /** A new secret; the one that was begun before and never confirmed is gone. `undefined`: there is an app already. */
  makeSecret(accountId: string): Promise<Buffer | undefined>;
  /**
   * The app is on from now. Gives new recovery codes, shown this once, in place of those before; `undefined` for a wrong code, or
   * when there is nothing to confirm. The same code once more within a minute gives new ones again.
   */
  confirm(tx: Transaction, accountId: string, code: string): Promise<readonly string[] | undefined>;
  /**
   * Uses a code of the app or a recovery code up. Of the same one at once exactly one use wins; wrong ones slow the next down,
   * also many at once.
   */
  use(tx: Transaction, accountId: string, code: string): Promise<CodeUse>;
  /** Takes the app away; recovery codes stay for an account with passkeys. Returns whether there was one, confirmed or not. */
  removeApp(tx: Transaction, accountId: string): Promise<boolean>;
  /** For an account that has a passkey now. Gives new recovery codes when none are left. */
  codesBesidePasskeys(tx: Transaction, accountId: string): Promise<readonly string[] | undefined>;
  /** Recovery codes go with the last passkey when there is no app. */
  forgetUnused(tx: Transaction, accountId: string): Promise<void>;
}

export type CodeUse =
  | { readonly kind: 'right' }
  | { readonly kind: 'wrong' }
  | { readonly kind: 'wait'; readonly waitMs: number };

const SECRET_BYTES = 20;
const RECOVERY_CODES = 10;
const RECOVERY_BYTES = 10;
const AGAIN_MS = 60_000;

const STATE = `
  SELECT EXISTS (SELECT FROM second_factor WHERE account_id = $1 AND confirmed_at IS NOT NULL) AS "hasApp",
    (SELECT count(*)::int FROM passkey WHERE account_id = $1) AS passkeys,
    (SELECT count(*)::int FROM recovery_code WHERE account_id = $1) AS codes`;

const BEGIN = `
  INSERT INTO second_factor AS f (account_id, sealed_secret) VALUES ($1, $2)
  ON CONFLICT (account_id) DO UPDATE SET sealed_secret = excluded.sealed_secret, last_step = 0
  WHERE f.confirmed_at IS NULL RETURNING account_id`;

const LOCK = `
  SELECT sealed_secret, confirmed_at, confirmed_at IS NOT NULL AS has_app, last_step::int AS last_step, failures, failed_at, blocked_until
  FROM second_factor WHERE account_id = $1 FOR UPDATE`;

interface Locked {
  /** None: there is no app, not even one that was begun. */
  readonly sealed_secret: Buffer | null;
  readonly has_app: boolean;
  readonly confirmed_at: Date | null;
  readonly last_step: number;
  readonly failures: number;
  readonly failed_at: Date | null;
  readonly blocked_until: Date | null;
}

const TAKEN = `
  UPDATE second_factor SET last_step = greatest(last_step, $2), failures = 0, blocked_until = NULL WHERE account_id = $1`;
const FAILED = `
  UPDATE second_factor SET failures = $2, failed_at = $3, blocked_until = $4 WHERE account_id = $1`;
const REMOVE_APP = `
  UPDATE second_factor SET sealed_secret = NULL, confirmed_at = NULL WHERE account_id = $1 AND sealed_secret IS NOT NULL
  RETURNING account_id`;
const FORGET_UNUSED = `
  DELETE FROM second_factor f WHERE account_id = $1 AND confirmed_at IS NULL
  AND NOT EXISTS (SELECT FROM passkey p WHERE p.account_id = f.account_id)`;

export function createSecondFactors(db: Database, seal: Seal, clock: Pick<Clock, 'now'>): SecondFactors {
  const contextOf = (accountId: string) => `second factor of ${accountId}`;

  /** Locked until the transaction ends. */
  async function lock(tx: Transaction, accountId: string): Promise<Locked | undefined> {
    const [row] = await tx.query<Locked>(LOCK, [accountId]);
    return row;
  }

  function stepOf(row: Locked, accountId: string, code: string): number | undefined {
    if (row.sealed_secret === null) return undefined;
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

  return {
    state: async (accountId) => {
      const [row] = await db.query<{ hasApp: boolean; passkeys: number; codes: number }>(STATE, [accountId]);
      const { hasApp = false, passkeys = 0, codes = 0 } = row ?? {};
      return { isOn: hasApp || passkeys > 0, hasApp, passkeys, recoveryCodesLeft: codes };
    },
    makeSecret: async (accountId) => {
      const secret = randomBytes(SECRET_BYTES);
      const begun = await db.query(BEGIN, [accountId, seal.seal(secret, contextOf(accountId))]);
      return begun.length === 1 ? secret : undefined;
    },
    confirm: async (tx, accountId, code) => {
      const row = await lock(tx, accountId);
      if (row === undefined) return undefined;
      // A form that was sent twice: nobody has seen the recovery codes of the first.
      const isAgain = clock.now().getTime() - (row.confirmed_at?.getTime() ?? 0) < AGAIN_MS;
      if (row.has_app && !isAgain) return undefined;
      const step = stepOf(isAgain ? { ...row, last_step: row.last_step - 1 } : row, accountId, code);
      if (step === undefined || (isAgain && step !== row.last_step)) return undefined;
      await tx.query(
        'UPDATE second_factor SET confirmed_at = coalesce(confirmed_at, $2), last_step = $3 WHERE account_id = $1',
        [accountId, clock.now(), step],
      );
      return await newRecoveryCodes(tx, accountId);
    },
    use: async (tx, accountId, code) => {
      const row = await lock(tx, accountId);
      if (row === undefined) return { kind: 'wrong' };
      const waitMs = (row.blocked_until?.getTime() ?? 0) - clock.now().getTime();
      if (waitMs > 0) return { kind: 'wait', waitMs };
      const step = row.has_app ? stepOf(row, accountId, code) : undefined;
      if (step === undefined && !(await useRecoveryCode(tx, accountId, code))) {
        await fail(tx, accountId, row);
        return { kind: 'wrong' };
      }
      await tx.query(TAKEN, [accountId, step ?? 0]);
      return { kind: 'right' };
    },
    removeApp: async (tx, accountId) => {
      const removed = await tx.query(REMOVE_APP, [accountId]);
      await tx.query(FORGET_UNUSED, [accountId]);
      return removed.length === 1;
    },
    codesBesidePasskeys: async (tx, accountId) => {
      await tx.query('INSERT INTO second_factor (account_id) VALUES ($1) ON CONFLICT DO NOTHING', [
        accountId,
      ]);
      await lock(tx, accountId);
      const left = await tx.query('SELECT 1 FROM recovery_code WHERE account_id = $1 LIMIT 1', [accountId]);
      return left.length === 0 ? await newRecoveryCodes(tx, accountId) : undefined;
    },
    forgetUnused: async (tx, accountId) => void (await tx.query(FORGET_UNUSED, [accountId])),
  };
}

/** The app, the passkeys and the recovery codes: the password is enough again. Returns whether there was any of them. */
export async function removeSecondFactorsOf(tx: Queryable, accountId: string): Promise<boolean> {
  const passkeys = await tx.query('DELETE FROM passkey WHERE account_id = $1 RETURNING 1', [accountId]);
  const removed = await tx.query('DELETE FROM second_factor WHERE account_id = $1 RETURNING 1', [accountId]);
  return passkeys.length + removed.length > 0;
}

/** Those before are good for nothing any more. */
async function newRecoveryCodes(on: Queryable, accountId: string): Promise<readonly string[]> {
  await on.query('DELETE FROM recovery_code WHERE account_id = $1', [accountId]);
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
