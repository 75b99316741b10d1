import type { Database } from '@flotilla/postgres';
import { demoAccountId } from '@shop/contracts';
import type { AccountStore } from './account-store.ts';
import { permissionsOf, type Role } from './domain/account.ts';
import type { Passwords } from './passwords/passwords.ts';

interface DemoAccount {
  readonly name: string;
  readonly role: Role;
  readonly tenantId: string | null;
}

/** Passwords are the local part with `-password` appended. Only ever created when demo data is wanted. */
const DEMO_ACCOUNTS: Readonly<Record<string, DemoAccount>> = {
  'alice@example.com': { name: 'Alice Adams', role: 'Customer', tenantId: 'acme' },
  'bob@example.com': { name: 'Bob Brown', role: 'Customer', tenantId: 'acme' },
  'carol@example.com': { name: 'Carol Clark', role: 'Customer', tenantId: 'globex' },
  'admin@example.com': { name: 'Ada Admin', role: 'Admin', tenantId: null },
};

/** Creates the demo accounts that are not there yet. Their ids are the same everywhere. */
export async function seedDemoAccounts(
  db: Database,
  accounts: AccountStore,
  passwords: Passwords,
  createdAt: Date,
): Promise<void> {
  const emails = Object.keys(DEMO_ACCOUNTS);
  const rows = await db.query<{ email_key: string }>(
    'SELECT email_key FROM account WHERE email_key = ANY ($1::text[])',
    [emails],
  );
  const known = new Set(rows.map((row) => row.email_key));
  const missing = Object.entries(DEMO_ACCOUNTS).filter(([email]) => !known.has(email));
  await Promise.all(
    missing.map(async ([email, account]) => {
      const passwordHash = await passwords.hash(`${email.split('@')[0]}-password`);
      const permissions = permissionsOf(account.role);
      const id = demoAccountId(email);
      const known = { ...account, id, email, permissions, passwordHash, createdAt };
      await accounts.insert(db, { ...known, isEmailVerified: true });
    }),
  );
}
