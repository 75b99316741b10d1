import { accept, type Clock, type NewId, type Result, reject } from '@flotilla/kernel';
import { type Account, permissionsOf } from '../domain/account.ts';
import { findWeakness, type PasswordWeakness } from '../domain/password-policy.ts';
import type { Pace } from '../pace.ts';
import type { CommonPasswords } from '../passwords/common-passwords.ts';
import type { HashSlots } from '../passwords/hash-slots.ts';
import type { Passwords } from '../passwords/passwords.ts';
import { type OpenAccountDeps, openAccount } from './open-account.ts';
import { type SendLinkDeps, sendLink } from './send-link.ts';

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

export interface SignUpDeps extends OpenAccountDeps, SendLinkDeps {
  readonly passwords: Passwords;
  readonly commonPasswords: CommonPasswords;
  /** Not those of logins: however many sign up, who has an account gets in. */
  readonly signUpSlots: HashSlots;
  readonly signUpPace: Pace;
  readonly clock: Pick<Clock, 'now'>;
  readonly newId: NewId;
}

/** Creates a customer account. */
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
  const inserted = await openAccount(deps, account, passwordHash, (tx) =>
    sendLink(deps, tx, { ...account, version: 1 }, 'verify-email'),
  );
  return inserted ? accept(account) : reject({ code: 'email-taken' });
}
