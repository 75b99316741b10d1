import { accept, type Clock, crashPoint, type Result, reject } from '@flotilla/kernel';
import type { Outbox } from '@flotilla/messaging';
import type { Transaction } from '@flotilla/postgres';
import { secondFactorChanged } from '@shop/contracts';
import type { StoredAccount } from '../account-store.ts';
import { base32, enrolmentUri } from '../second-factor/totp.ts';
import { type AuthenticateDeps, authenticate, type LogInRejection } from './authenticate.ts';

export type SecondFactorDeps = AuthenticateDeps;

export type SecondFactorRejection = LogInRejection | { readonly code: 'not-found' | 'second-factor-on' };

export interface Enrolment {
  /** In base32, for who types it in. */
  readonly secret: string;
  /** For who scans it. */
  readonly uri: string;
}

/** Somebody who is signed in, and shows that they still know the password. */
export interface SignedIn {
  readonly accountId: string;
  readonly password: string;
  readonly code?: string | undefined;
  readonly address: string;
}

async function authenticateAgain(
  deps: SecondFactorDeps,
  { accountId, ...given }: SignedIn,
  signal: AbortSignal,
): Promise<Result<StoredAccount, SecondFactorRejection>> {
  const account = await deps.accounts.find(accountId);
  if (account === undefined) return reject({ code: 'not-found' });
  return await authenticate(deps, { ...given, email: account.email }, signal);
}

/** Makes the secret of an app. It counts for nothing until a code of it was shown. */
export async function beginSecondFactor(
  deps: SecondFactorDeps,
  who: SignedIn,
  signal: AbortSignal,
): Promise<Result<Enrolment, SecondFactorRejection>> {
  const state = await deps.secondFactors.state(who.accountId);
  if (state.hasApp) return reject({ code: 'second-factor-on' });
  const checked = await authenticateAgain(deps, who, signal);
  return checked.ok ? await enrol(deps, checked.value) : checked;
}

/** For an account whose password was just checked. */
export async function enrol(
  { secondFactors }: Pick<SecondFactorDeps, 'secondFactors'>,
  { id, email }: StoredAccount,
): Promise<Result<Enrolment, { readonly code: 'second-factor-on' }>> {
  const secret = await secondFactors.makeSecret(id);
  if (secret === undefined) return reject({ code: 'second-factor-on' });
  return accept({ secret: base32(secret), uri: enrolmentUri(secret, email) });
}

/** From now on a password is not enough; the owner is told. Gives the recovery codes; `undefined` for a wrong code. */
export async function confirmSecondFactor(
  deps: TellOfSecondFactorDeps & Pick<SecondFactorDeps, 'db' | 'secondFactors' | 'accounts'>,
  accountId: string,
  code: string,
): Promise<readonly string[] | undefined> {
  const { db, secondFactors, accounts } = deps;
  crashPoint('identity.before-second-factor');
  const codes = await db.transaction(async (tx) => {
    const made = await secondFactors.confirm(tx, accountId, code);
    const account = made && (await accounts.find(accountId, tx));
    if (account) await tellOfSecondFactor(deps, tx, account, true);
    return made;
  });
  crashPoint('identity.after-second-factor');
  return codes;
}

/** Takes the password and a code: who found a signed-in browser has neither. */
export async function removeSecondFactor(
  deps: SecondFactorDeps & TellOfSecondFactorDeps,
  who: SignedIn & { readonly code: string },
  signal: AbortSignal,
): Promise<Result<undefined, SecondFactorRejection>> {
  const checked = await authenticateAgain(deps, who, signal);
  if (!checked.ok) return checked;
  crashPoint('identity.before-second-factor-removal');
  await deps.db.transaction(async (tx) => {
    const isRemoved = await deps.secondFactors.removeApp(tx, who.accountId);
    if (isRemoved) await tellOfSecondFactor(deps, tx, checked.value, false);
  });
  crashPoint('identity.after-second-factor-removal');
  return accept(undefined);
}

export interface TellOfSecondFactorDeps {
  readonly outbox: Outbox;
  readonly clock: Pick<Clock, 'now'>;
}

export async function tellOfSecondFactor(
  { outbox, clock }: TellOfSecondFactorDeps,
  tx: Transaction,
  { id: userId, email, name }: StoredAccount,
  isOn: boolean,
): Promise<void> {
  const changedAt = clock.now().toISOString();
  await outbox.publish(tx, secondFactorChanged, { userId, email, name, isOn, changedAt });
}
