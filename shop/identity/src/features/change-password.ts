import { accept, crashPoint, type Result, reject } from '@flotilla/kernel';
import type { Database } from '@flotilla/postgres';
import { findWeakness, type PasswordWeakness } from '../domain/password-policy.ts';
import type { CommonPasswords } from '../passwords/common-passwords.ts';
import type { HashSlots } from '../passwords/hash-slots.ts';
import { type AuthenticateDeps, authenticate, type LogInRejection } from './authenticate.ts';
import { type ReplacePasswordDeps, replacePassword } from './replace-password.ts';

export interface ChangePasswordDeps extends AuthenticateDeps, ReplacePasswordDeps {
  readonly db: Database;
  readonly commonPasswords: CommonPasswords;
  readonly signUpSlots: HashSlots;
}

export interface PasswordChangeRequest {
  readonly accountId: string;
  readonly sessionId: string | undefined;
  readonly currentPassword: string;
  readonly newPassword: string;
  readonly code?: string | undefined;
  readonly address: string;
}

export type ChangePasswordRejection =
  | { readonly code: 'not-found' }
  | { readonly code: 'wrong-password' }
  | Exclude<LogInRejection, { readonly code: 'invalid-credentials' }>
  | { readonly code: 'weak-password'; readonly weakness: PasswordWeakness };

/** By its owner, who is signed in and knows the old one. The session that asks goes on, all others end. */
export async function changePassword(
  deps: ChangePasswordDeps,
  { accountId, sessionId, currentPassword, newPassword, code, address }: PasswordChangeRequest,
  signal: AbortSignal,
): Promise<Result<undefined, ChangePasswordRejection>> {
  const known = await deps.accounts.find(accountId);
  if (known === undefined) return reject({ code: 'not-found' });
  const weakness = findWeakness(newPassword, known, await deps.commonPasswords());
  if (weakness) return reject({ code: 'weak-password', weakness });
  // Somebody who holds a token and not the password guesses no faster here than at the login.
  const credentials = { email: known.email, password: currentPassword, code, address };
  const checked = await authenticate(deps, credentials, signal);
  if (!checked.ok) {
    const { rejection } = checked;
    return reject(rejection.code === 'invalid-credentials' ? { code: 'wrong-password' } : rejection);
  }
  const account = checked.value;
  const hash = () => deps.passwords.hash(newPassword);
  const passwordHash = await deps.signUpSlots.run(hash, { client: address, signal });
  crashPoint('identity.before-password-change');
  const changed = await deps.db.transaction((tx) =>
    replacePassword(deps, tx, { account, passwordHash, kept: sessionId }),
  );
  crashPoint('identity.after-password-change');
  // Another change was faster: what was typed in is the password no more.
  return changed ? accept(undefined) : reject({ code: 'wrong-password' });
}
