import { accept, type Result, reject } from '@flotilla/kernel';
import type { AccountStore, StoredAccount } from '../account-store.ts';
import type { HashSlots } from '../hash-slots.ts';
import type { LoginThrottle } from '../login-throttle.ts';
import type { Passwords } from '../passwords.ts';

export interface Credentials {
  readonly email: string;
  readonly password: string;
  readonly address: string;
}

export type LogInRejection =
  | { readonly code: 'invalid-credentials' }
  | { readonly code: 'account-disabled' }
  | { readonly code: 'too-many-attempts'; readonly waitMs: number };

export interface AuthenticateDeps {
  readonly accounts: AccountStore;
  readonly passwords: Passwords;
  readonly logInSlots: HashSlots;
  readonly throttle: LoginThrottle;
}

/** Checks a password; who knows it learns whether the account is disabled. Unknown accounts take the same way through the same work as known ones. */
export async function authenticate(
  deps: AuthenticateDeps,
  credentials: Credentials,
  signal: AbortSignal,
): Promise<Result<StoredAccount, LogInRejection>> {
  const attempt = await deps.throttle.attempt(credentials.email, credentials.address);
  // Blocked attempts must not fill the queue.
  const waitMs = await deps.throttle.waitMs(attempt);
  if (waitMs > 0) return reject({ code: 'too-many-attempts', waitMs });
  const check = () => checkPassword(deps, credentials);
  return await deps.logInSlots.run(check, { client: credentials.address, signal });
}

async function checkPassword(
  { accounts, passwords, throttle }: AuthenticateDeps,
  { email, password, address }: Credentials,
): Promise<Result<StoredAccount, LogInRejection>> {
  // Again, now that it is our turn: guesses sent in parallel must not all slip through before one has failed.
  const attempt = await throttle.attempt(email, address);
  const waitMs = await throttle.waitMs(attempt);
  if (waitMs > 0) return reject({ code: 'too-many-attempts', waitMs });

  const account = await accounts.findByEmail(email);
  const matches = await passwords.verify(password, account?.passwordHash ?? passwords.decoy());
  if (!account || !matches) {
    await throttle.failed(attempt);
    return reject({ code: 'invalid-credentials' });
  }
  await throttle.succeeded(attempt, account.id, address);
  if (account.isDisabled) return reject({ code: 'account-disabled' });
  if (passwords.isOutdated(account.passwordHash))
    await accounts.rehash(account.id, account.passwordHash, await passwords.hash(password));
  return accept(account);
}
