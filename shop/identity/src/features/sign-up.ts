import {
  accept,
  type Clock,
  crashPoint,
  type NewId,
  plantedBug,
  type Result,
  reject,
} from '@flotilla/kernel';
import type { Outbox } from '@flotilla/messaging';
import type { Database, Transaction } from '@flotilla/postgres';
import { userRegistered } from '@shop/contracts';
import type { AccountStore } from '../account-store.ts';
import type { CommonPasswords } from '../common-passwords.ts';
import { type Account, permissionsOf } from '../domain/account.ts';
import { findWeakness, type PasswordWeakness } from '../domain/password-policy.ts';
import type { HashSlots } from '../hash-slots.ts';
import type { Passwords } from '../passwords.ts';
import type { SignUpPace } from '../sign-up-pace.ts';

export interface SignUp {
  readonly email: string;
  readonly password: string;
  readonly name: string;
  readonly address: string;
}

export type SignUpRejection =
  | { readonly code: 'email-taken' }
  | { readonly code: 'too-many-attempts'; readonly waitMs: number }
  | { readonly code: 'weak-password'; readonly weakness: PasswordWeakness };

export interface SignUpDeps {
  readonly db: Database;
  readonly accounts: AccountStore;
  readonly outbox: Outbox;
  readonly passwords: Passwords;
  readonly commonPasswords: CommonPasswords;
  /** Not those of logins: however many sign up, who has an account gets in. */
  readonly signUpSlots: HashSlots;
  readonly signUpPace: SignUpPace;
  readonly clock: Pick<Clock, 'now'>;
  readonly newId: NewId;
}

/** Creates a customer account and tells the system about it, both or neither. */
export async function signUp(
  deps: SignUpDeps,
  request: SignUp,
  signal: AbortSignal,
): Promise<Result<Account, SignUpRejection>> {
  const { email, name, password, address } = request;
  const weakness = findWeakness(password, request, await deps.commonPasswords());
  if (weakness) return reject({ code: 'weak-password', weakness });
  const waitMs = await deps.signUpPace.take(address);
  if (waitMs > 0) return reject({ code: 'too-many-attempts', waitMs });
  if (await deps.accounts.findByEmail(email)) return reject({ code: 'email-taken' });

  const hash = () => deps.passwords.hash(password);
  const passwordHash = await deps.signUpSlots.run(hash, { client: address, signal });
  const account: Account = {
    id: deps.newId(),
    email,
    name,
    role: 'Customer',
    tenantId: null,
    permissions: permissionsOf('Customer'),
    createdAt: deps.clock.now(),
  };
  const inserted = await deps.db.transaction(async (tx) => {
    if (!(await deps.accounts.insert(tx, { ...account, passwordHash }))) return false;
    const publish = (on: Transaction) =>
      deps.outbox.publish(on, userRegistered, { userId: account.id, email, name });
    await (plantedBug('publish-before-commit') ? deps.db.transaction(publish) : publish(tx));
    crashPoint('identity.before-sign-up-commit');
    return true;
  });
  crashPoint('identity.after-sign-up-commit');
  return inserted ? accept(account) : reject({ code: 'email-taken' });
}
