import { accept, type Result, reject } from '@flotilla/kernel';
import type { AccessToken, AccessTokens } from '../access-tokens.ts';
import type { AccountStore } from '../account-store.ts';
import type { Account } from '../domain/account.ts';
import type { HashSlots } from '../hash-slots.ts';
import type { LoginThrottle } from '../login-throttle.ts';
import type { Passwords } from '../passwords.ts';
import type { RefreshTokens } from '../refresh-tokens.ts';

export interface LogIn {
  readonly email: string;
  readonly password: string;
  readonly address: string;
}

export interface Tokens extends AccessToken {
  readonly refreshToken: string;
}

export type LogInRejection =
  | { readonly code: 'invalid-credentials' }
  | { readonly code: 'too-many-attempts'; readonly waitMs: number };

export interface LogInDeps {
  readonly accounts: AccountStore;
  readonly passwords: Passwords;
  readonly logInSlots: HashSlots;
  readonly throttle: LoginThrottle;
  readonly accessTokens: AccessTokens;
  readonly refreshTokens: RefreshTokens;
}

/** Checks a password. Unknown accounts take the same way through the same work as known ones. */
export async function logIn(
  deps: LogInDeps,
  request: LogIn,
  signal: AbortSignal,
): Promise<Result<Tokens, LogInRejection>> {
  const attempt = await deps.throttle.attempt(request.email, request.address);
  // Blocked attempts must not fill the queue.
  const waitMs = await deps.throttle.waitMs(attempt);
  if (waitMs > 0) return reject({ code: 'too-many-attempts', waitMs });

  const check = () => checkPassword(deps, request);
  const checked = await deps.logInSlots.run(check, { client: request.address, signal });
  if (!checked.ok) return checked;
  const account = checked.value;
  const { accessToken, expiresIn } = await deps.accessTokens.forAccount(account);
  return accept({ accessToken, expiresIn, refreshToken: await deps.refreshTokens.open(account.id) });
}

async function checkPassword(deps: LogInDeps, request: LogIn): Promise<Result<Account, LogInRejection>> {
  const { accounts, passwords, throttle } = deps;
  // Again, now that it is our turn: guesses sent in parallel must not all slip through before one has failed.
  const attempt = await throttle.attempt(request.email, request.address);
  const waitMs = await throttle.waitMs(attempt);
  if (waitMs > 0) return reject({ code: 'too-many-attempts', waitMs });

  const account = await accounts.findByEmail(request.email);
  const matches = await passwords.verify(request.password, account?.passwordHash ?? passwords.decoy());
  if (!account || !matches) {
    await throttle.failed(attempt);
    return reject({ code: 'invalid-credentials' });
  }
  await throttle.succeeded(attempt, account.id, request.address);
  return accept(account);
}
