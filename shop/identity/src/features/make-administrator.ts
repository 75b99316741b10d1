import { accept, type Clock, type NewId, type Result, reject } from '@flotilla/kernel';
import { accountChanged } from '@shop/contracts';
import { permissionsOf } from '../domain/account.ts';
import { findWeakness, type PasswordWeakness } from '../domain/password-policy.ts';
import type { CommonPasswords } from '../passwords/common-passwords.ts';
import type { Passwords } from '../passwords/passwords.ts';
import { type OpenAccountDeps, openAccount } from './open-account.ts';

export interface MakeAdministratorDeps extends OpenAccountDeps {
  readonly passwords: Passwords;
  readonly commonPasswords: CommonPasswords;
  readonly clock: Pick<Clock, 'now'>;
  readonly newId: NewId;
}

export interface NewAdministrator {
  readonly email: string;
  readonly name: string;
  /** Asked only when there is no account yet: one that is there keeps its own. */
  readonly askPassword: () => Promise<string>;
}

/** What was done; the second time it is nothing. */
export type Made = 'created' | 'promoted' | 'already-one';

/** Makes the account of this address an administrator's, or a new one. The operator alone may do that: no route leads here. */
export async function makeAdministrator(
  deps: MakeAdministratorDeps,
  { email, name, askPassword }: NewAdministrator,
): Promise<Result<Made, PasswordWeakness>> {
  if (await deps.accounts.findByEmail(email)) return accept(await promote(deps, email));
  const password = await askPassword();
  const weakness = findWeakness(password, { email, name }, await deps.commonPasswords());
  if (weakness) return reject(weakness);
  const account = {
    id: deps.newId(),
    email,
    name,
    role: 'Admin' as const,
    tenantId: null,
    permissions: permissionsOf('Admin'),
    createdAt: deps.clock.now(),
  };
  const isNew = await openAccount(deps, account, await deps.passwords.hash(password));
  // Somebody signed up with the address while the password was typed.
  return accept(isNew ? 'created' : await promote(deps, email));
}

/** What tokens say of the account is out of date then: everybody who reads them is told. */
async function promote({ db, accounts, outbox, clock }: MakeAdministratorDeps, email: string): Promise<Made> {
  return await db.transaction(async (tx) => {
    const userId = await accounts.promote(tx, email);
    if (userId === undefined) return 'already-one';
    const changedAt = clock.now().toISOString();
    await outbox.publish(tx, accountChanged, { userId, changedAt, change: 'role' });
    return 'promoted';
  });
}
