import type { Database, Queryable } from '@flotilla/postgres';
import { type Account, emailKey, permissionsOf, type Role } from './domain/account.ts';

interface StoredAccount extends Account {
  readonly passwordHash: string;
}

export interface AccountStore {
  /** Returns whether the address was free; of two at once exactly one gets it. */
  insert(on: Queryable, account: StoredAccount): Promise<boolean>;
  /** Makes it an administrator's; returns its id, or nothing when it was one. */
  promote(on: Queryable, email: string): Promise<string | undefined>;
  /** The name that the account goes by since this version of its profile; `false` when a newer one is known. */
  rename(on: Queryable, id: string, name: string, version: number): Promise<boolean>;
  findByEmail(email: string): Promise<StoredAccount | undefined>;
  find(id: string, on?: Queryable): Promise<Account | undefined>;
}

export function createAccountStore(db: Database): AccountStore {
  return {
    insert: insertAccount,
    promote: async (on, email) => {
      const [promoted] = await on.query<{ id: string }>(PROMOTE, [emailKey(email), permissionsOf('Admin')]);
      return promoted?.id;
    },
    rename: async (on, id, name, version) => {
      if (!UUID.test(id)) return false;
      const renamed = await on.query(RENAME, [id, name, version]);
      return renamed.length === 1;
    },
    findByEmail: async (email) => {
      const [row] = await db.query<AccountRow>('SELECT * FROM account WHERE email_key = $1', [
        emailKey(email),
      ]);
      return row && { ...toAccount(row), passwordHash: row.password_hash };
    },
    find: async (id, on = db) => {
      // A subject that is no uuid is a service: it has no account.
      if (!UUID.test(id)) return undefined;
      const [row] = await on.query<AccountRow>('SELECT * FROM account WHERE id = $1', [id]);
      return row && toAccount(row);
    },
  };
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

const PROMOTE = `
  UPDATE account SET role = 'Admin', permissions = $2
  WHERE email_key = $1 AND role <> 'Admin' RETURNING id`;

const RENAME = `
  UPDATE account SET name = $2, profile_version = $3 WHERE id = $1 AND profile_version < $3 RETURNING id`;

const INSERT = `
  INSERT INTO account (id, email, email_key, name, role, tenant_id, permissions, password_hash, created_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
  ON CONFLICT (email_key) DO NOTHING RETURNING id`;

async function insertAccount(on: Queryable, account: StoredAccount): Promise<boolean> {
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
}

function toAccount(row: AccountRow): Account {
  return {
    id: row.id,
    email: row.email,
    name: row.name,
    role: row.role,
    tenantId: row.tenant_id,
    permissions: row.permissions,
    createdAt: row.created_at,
  };
}
