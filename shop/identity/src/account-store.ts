import { isUuid } from '@flotilla/kernel';
import type { Database, Queryable, Transaction } from '@flotilla/postgres';
import { type Account, emailKey, permissionsOf, type Role } from './domain/account.ts';

/** What changes about an account while it is used. */
export interface AccountState {
  /** Rises with the password. */
  readonly version: number;
  readonly isEmailVerified: boolean;
  /** Nobody signs in to it. */
  readonly isDisabled: boolean;
}

interface NewAccount extends Account {
  readonly passwordHash: string;
  readonly isEmailVerified?: boolean;
}

export interface StoredAccount extends Account, AccountState {
  readonly passwordHash: string;
}

export interface AccountStore {
  /** Returns whether the address was free; of two at once exactly one gets it. */
  insert(on: Queryable, account: NewAccount): Promise<boolean>;
  /** Makes it an administrator's; returns its id, or nothing when it was one. */
  promote(on: Queryable, email: string): Promise<string | undefined>;
  /** The name that the account goes by since this version of its profile; `false` when a newer one is known. */
  rename(on: Queryable, id: string, name: string, version: number): Promise<boolean>;
  findByEmail(email: string, on?: Queryable): Promise<StoredAccount | undefined>;
  find(id: string, on?: Queryable): Promise<StoredAccount | undefined>;
  /**
   * Whether a login that was checked against this version still counts. Until the transaction ends, no password is changed and
   * nobody disabled: what begins within it is found by whoever ends all sessions.
   */
  holds(tx: Transaction, id: string, version: number): Promise<boolean>;
  /** Returns whether it was still of this version. */
  setPassword(tx: Transaction, change: PasswordChange): Promise<boolean>;
  /** The same password, with what a hash costs now. */
  rehash(id: string, before: string, after: string): Promise<void>;
  /** Returns whether it was not verified before. */
  verifyEmail(on: Queryable, id: string, at: Date): Promise<boolean>;
  /** Returns whether that was a change. */
  setDisabled(on: Queryable, id: string, at: Date | null): Promise<boolean>;
}

export interface PasswordChange {
  readonly id: string;
  readonly version: number;
  readonly passwordHash: string;
}

export function createAccountStore(db: Database): AccountStore {
  return {
    insert: insertAccount,
    promote: async (on, email) => {
      const [promoted] = await on.query<{ id: string }>(PROMOTE, [emailKey(email), permissionsOf('Admin')]);
      return promoted?.id;
    },
    rename: async (on, id, name, version) => {
      if (!isUuid(id)) return false;
      const renamed = await on.query(RENAME, [id, name, version]);
      return renamed.length === 1;
    },
    findByEmail: async (email, on = db) => {
      const [row] = await on.query<AccountRow>('SELECT * FROM account WHERE email_key = $1', [
        emailKey(email),
      ]);
      return row && toAccount(row);
    },
    find: async (id, on = db) => {
      // A subject that is no uuid is a service: it has no account.
      if (!isUuid(id)) return undefined;
      const [row] = await on.query<AccountRow>('SELECT * FROM account WHERE id = $1', [id]);
      return row && toAccount(row);
    },
    holds: async (tx, id, version) => (await tx.query(HOLDS, [id, version])).length === 1,
    setPassword: async (tx, { id, version, passwordHash }) =>
      (await tx.query(SET_PASSWORD, [id, version, passwordHash])).length === 1,
    rehash: async (id, before, after) => {
      await db.query('UPDATE account SET password_hash = $3 WHERE id = $1 AND password_hash = $2', [
        ...[id, before, after],
      ]);
    },
    verifyEmail: async (on, id, at) => (await on.query(VERIFY_EMAIL, [id, at])).length === 1,
    setDisabled: async (on, id, at) => (await on.query(SET_DISABLED, [id, at])).length === 1,
  };
}

const PROMOTE = `
  UPDATE account SET role = 'Admin', permissions = $2
  WHERE email_key = $1 AND role <> 'Admin' RETURNING id`;

const RENAME = `
  UPDATE account SET name = $2, profile_version = $3 WHERE id = $1 AND profile_version < $3 RETURNING id`;

const INSERT = `
  INSERT INTO account (id, email, email_key, name, role, tenant_id, permissions, password_hash, created_at, email_verified_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
  ON CONFLICT (email_key) DO NOTHING RETURNING id`;

const HOLDS = 'SELECT 1 FROM account WHERE id = $1 AND version = $2 AND disabled_at IS NULL FOR SHARE';

const SET_PASSWORD = `
  UPDATE account SET password_hash = $3, version = version + 1
  WHERE id = $1 AND version = $2 AND disabled_at IS NULL RETURNING id`;

const VERIFY_EMAIL = `
  UPDATE account SET email_verified_at = $2 WHERE id = $1 AND email_verified_at IS NULL RETURNING id`;

const SET_DISABLED = `
  UPDATE account SET disabled_at = $2 WHERE id = $1 AND (disabled_at IS NULL) <> ($2::timestamptz IS NULL) RETURNING id`;

async function insertAccount(on: Queryable, account: NewAccount): Promise<boolean> {
  const inserted = await on.query(INSERT, [
    account.id,
    account.email,
    emailKey(account.email),
    account.name,
    account.role,
    account.tenantId,
    account.permissions,
    account.passwordHash,
    account.createdAt,
    account.isEmailVerified === true ? account.createdAt : null,
  ]);
  return inserted.length === 1;
}

interface AccountRow {
  readonly id: string;
  readonly email: string;
  readonly name: string;
  readonly role: Role;
  readonly tenant_id: string | null;
  readonly permissions: readonly string[];
  readonly password_hash: string;
  readonly created_at: Date;
  readonly version: number;
  readonly email_verified_at: Date | null;
  readonly disabled_at: Date | null;
}

function toAccount(row: AccountRow): StoredAccount {
  return {
    id: row.id,
    email: row.email,
    name: row.name,
    role: row.role,
    tenantId: row.tenant_id,
    permissions: row.permissions,
    createdAt: row.created_at,
    passwordHash: row.password_hash,
    version: row.version,
    isEmailVerified: row.email_verified_at !== null,
    isDisabled: row.disabled_at !== null,
  };
}
