import { accept, crashPoint, type Result, reject } from '@flotilla/kernel';
import type { Database } from '@flotilla/postgres';
import type { AccountLinks } from '../account-links.ts';
import { findWeakness, type PasswordWeakness } from '../domain/password-policy.ts';
import type { LoginThrottle } from '../login-throttle.ts';
import type { CommonPasswords } from '../passwords/common-passwords.ts';
import type { HashSlots } from '../passwords/hash-slots.ts';
import type { Passwords } from '../passwords/passwords.ts';
import { type ReplacePasswordDeps, replacePassword } from './replace-password.ts';

export interface ResetPasswordDeps extends ReplacePasswordDeps {
  readonly db: Database;
  readonly links: AccountLinks;
  readonly passwords: Passwords;
  readonly commonPasswords: CommonPasswords;
  readonly signUpSlots: HashSlots;
  readonly throttle: LoginThrottle;
}

export interface PasswordReset {
  readonly token: string;
  readonly password: string;
  readonly address: string;
}

export type ResetPasswordRejection =
  | { readonly code: 'invalid-link' }
  | { readonly code: 'weak-password'; readonly weakness: PasswordWeakness };

/**
 * A new password by the link of a mail. A weak one does not use the link up. All sessions end, and who read the mail has shown
 * that the address is theirs.
 */
export async function resetPassword(
  deps: ResetPasswordDeps,
  { token, password, address }: PasswordReset,
  signal: AbortSignal,
): Promise<Result<undefined, ResetPasswordRejection>> {
  const { db, links, accounts, clock, throttle } = deps;
  const link = await links.find(token, 'reset-password');
  const account = link && (await accounts.find(link.accountId));
  if (account === undefined) return reject({ code: 'invalid-link' });
  const weakness = findWeakness(password, account, await deps.commonPasswords());
  if (weakness) return reject({ code: 'weak-password', weakness });
  const hash = () => deps.passwords.hash(password);
  const passwordHash = await deps.signUpSlots.run(hash, { client: address, signal });

  crashPoint('identity.before-password-reset');
  const isReset = await db.transaction(async (tx) => {
    if ((await links.spend(tx, token, 'reset-password')) === undefined) return false;
    if (!(await replacePassword(deps, tx, { account, passwordHash }))) return false;
    await accounts.verifyEmail(tx, account.id, clock.now());
    return true;
  });
  crashPoint('identity.after-password-reset');
  if (!isReset) return reject({ code: 'invalid-link' });
  // Whatever others guess elsewhere, the owner gets in from here.
  const attempt = await throttle.attempt(account.email, address);
  await throttle.succeeded(attempt, account.id, address);
  return accept(undefined);
}
