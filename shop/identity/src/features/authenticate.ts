import { accept, crashPoint, type Result, reject } from '@flotilla/kernel';
import type { Database } from '@flotilla/postgres';
import type { AccountStore, StoredAccount } from '../account-store.ts';
import type { Methods } from '../domain/assurance.ts';
import type { LoginThrottle } from '../login-throttle.ts';
import type { HashSlots } from '../passwords/hash-slots.ts';
import type { Passwords } from '../passwords/passwords.ts';
import type { SecondFactors } from '../second-factor/second-factor-store.ts';

export interface Credentials {
  readonly email: string;
  readonly password: string;
  /** Of an authenticator app, or a recovery code; an account without one takes no notice of it. */
  readonly code?: string | undefined;
  readonly address: string;
}

export type LogInRejection =
  | { readonly code: 'invalid-credentials' }
  | { readonly code: 'account-disabled' }
  | { readonly code: 'wrong-code' }
  | { readonly code: 'second-factor-required'; readonly account: StoredAccount }
  | { readonly code: 'too-many-attempts'; readonly waitMs: number };

/** Whose account it is, and how they showed it. */
export interface Authenticated extends StoredAccount {
  readonly amr: Methods;
}

export interface AuthenticateDeps {
  readonly db: Database;
  readonly secondFactors: SecondFactors;
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
): Promise<Result<Authenticated, LogInRejection>> {
  const attempt = await deps.throttle.attempt(credentials.email, credentials.address);
  // Blocked attempts must not fill the queue.
  const waitMs = await deps.throttle.waitMs(attempt);
  if (waitMs > 0) return reject({ code: 'too-many-attempts', waitMs });
  const check = () => checkPassword(deps, credentials, attempt);
  const checked = await deps.logInSlots.run(check, { client: credentials.address, signal });
  return checked.ok ? await letIn(deps, checked.value, credentials, attempt) : checked;
}

type Attempt = Awaited<ReturnType<LoginThrottle['attempt']>>;

/** While a place is held: no more than a hash needs, and the count of a failure. */
async function checkPassword(
  { accounts, passwords, throttle }: AuthenticateDeps,
  { email, password }: Credentials,
  attempt: Attempt,
): Promise<Result<StoredAccount, LogInRejection>> {
  // Again, now that it is our turn: guesses sent in parallel must not all slip through before one has failed.
  const [waitMs, account] = await Promise.all([throttle.waitMs(attempt), accounts.findByEmail(email)]);
  if (waitMs > 0) return reject({ code: 'too-many-attempts', waitMs });
  const matches = await passwords.verify(password, account?.passwordHash ?? passwords.decoy());
  if (!account || !matches) {
    await throttle.failed(attempt);
    return reject({ code: 'invalid-credentials' });
  }
  if (passwords.isOutdated(account.passwordHash))
    await accounts.rehash(account.id, account.passwordHash, await passwords.hash(password));
  return accept(account);
}

/** Whose password was right. */
async function letIn(
  deps: AuthenticateDeps,
  account: StoredAccount,
  { code, address }: Credentials,
  attempt: Attempt,
): Promise<Result<Authenticated, LogInRejection>> {
  if (account.isDisabled) return reject({ code: 'account-disabled' });
  const { isOn } = await deps.secondFactors.state(account.id);
  if (isOn) {
    if (code === undefined) return reject({ code: 'second-factor-required', account });
    const used = await takeCode(deps, account.id, code);
    if (!used.ok) return used;
  }
  await deps.throttle.succeeded(attempt, account.id, address);
  return accept({ ...account, amr: isOn ? ['pwd', 'otp', 'mfa'] : ['pwd'] });
}

/** The second step of a login whose password was right. */
export async function useCode(
  deps: AuthenticateDeps,
  account: StoredAccount,
  { code, address }: { readonly code: string; readonly address: string },
): Promise<Result<StoredAccount, LogInRejection>> {
  const used = await takeCode(deps, account.id, code);
  if (!used.ok) return used;
  const attempt = await deps.throttle.attempt(account.email, address);
  await deps.throttle.succeeded(attempt, account.id, address);
  return accept(account);
}

async function takeCode(
  { db, secondFactors }: AuthenticateDeps,
  accountId: string,
  code: string,
): Promise<Result<undefined, LogInRejection>> {
  crashPoint('identity.before-code');
  const use = await db.transaction((tx) => secondFactors.use(tx, accountId, code));
  crashPoint('identity.after-code');
  if (use.kind === 'right') return accept(undefined);
  return reject(
    use.kind === 'wrong' ? { code: 'wrong-code' } : { code: 'too-many-attempts', waitMs: use.waitMs },
  );
}
