import { accept, crashPoint, type Result, reject } from '@flotilla/kernel';
import type { Transaction } from '@flotilla/postgres';
import type { Logger } from '@flotilla/telemetry';
import { passkeyChanged } from '@shop/contracts';
import type { StoredAccount } from '../account-store.ts';
import type { Passkey, Passkeys } from '../second-factor/passkey-store.ts';
import type { Ceremonies } from '../second-factor/webauthn.ts';
import type { AuthenticateDeps } from './authenticate.ts';
import type { TellOfSecondFactorDeps } from './second-factor.ts';

export interface PasskeyDeps extends AuthenticateDeps, TellOfSecondFactorDeps {
  readonly passkeys: Passkeys;
  /** None where the issuer has no name: then nobody has a passkey. */
  readonly ceremonies: Ceremonies | undefined;
  readonly logger: Logger;
}

export const MOST_PASSKEYS = 20;

export interface PasskeyUse {
  /** What the browser gave, as JSON. */
  readonly answer: string;
  /** What the challenge was made for. */
  readonly context: string;
  /** Whose passkey it has to be, when that is known. */
  readonly accountId?: string;
  readonly address: string;
}

export interface PasskeyUsed {
  readonly account: StoredAccount;
  readonly passkey: Passkey;
}

export type PasskeyRejection = 'refused' | 'account-disabled';

/** The account whose passkey this is. An answer counts once, and none is taken of an authenticator that has counted further before. */
export async function usePasskey(
  deps: PasskeyDeps,
  { answer, context, accountId, address }: PasskeyUse,
): Promise<Result<PasskeyUsed, PasskeyRejection>> {
  const { db, ceremonies, passkeys, accounts, logger } = deps;
  const given = ceremonies?.parse(answer);
  if (ceremonies === undefined || given === undefined) return reject('refused');
  const refuse = (reason: string, passkey?: Passkey) => {
    logger.warn({ reason, accountId: passkey?.accountId, passkeyId: passkey?.id }, 'a passkey was refused');
    return reject('refused' as const);
  };
  crashPoint('identity.before-passkey');
  const used = await db.transaction(async (tx): Promise<Result<PasskeyUsed, PasskeyRejection>> => {
    const passkey = await passkeys.lock(tx, given.id);
    if (passkey === undefined) return refuse('nobody has such a passkey');
    if (accountId !== undefined && passkey.accountId !== accountId)
      return refuse('it is of another account', passkey);
    const checked = await ceremonies.checkUse(given, passkey, context);
    if (!checked.ok) return refuse(checked.rejection.reason, passkey);
    const { challenge, counter } = checked.value;
    if (hasFallen(passkey.counter, counter))
      return refuse('its counter has fallen: there may be a copy of it', passkey);
    if (!(await passkeys.takeChallenge(tx, challenge.text, challenge.goodUntil)))
      return refuse('it was an answer to a challenge that is used up', passkey);
    const account = await accounts.find(passkey.accountId, tx);
    if (account === undefined) return refuse('the account is gone', passkey);
    if (account.isDisabled) return reject('account-disabled');
    await passkeys.used(tx, passkey.id, counter);
    return accept({ account, passkey });
  });
  crashPoint('identity.after-passkey');
  if (used.ok) {
    const { id, email } = used.value.account;
    await deps.throttle.succeeded(await deps.throttle.attempt(email, address), id, address);
  }
  return used;
}

/** Authenticators that count nothing say 0 each time. */
function hasFallen(before: number, now: number): boolean {
  return (before > 0 || now > 0) && now <= before;
}

export interface NewPasskey {
  readonly answer: string;
  readonly context: string;
  readonly name: string;
}

export type AddPasskeyRejection = 'refused' | 'too-many' | 'stale';

/** Adds a passkey to an account whose owner was just checked, and tells them. Gives recovery codes when there were none. */
export async function addPasskey(
  deps: PasskeyDeps,
  account: StoredAccount,
  { answer, context, name }: NewPasskey,
): Promise<Result<readonly string[] | undefined, AddPasskeyRejection>> {
  const { db, ceremonies, passkeys, accounts, secondFactors, logger } = deps;
  const checked = await ceremonies?.checkNew(answer, context);
  if (checked === undefined) return reject('refused');
  if (!checked.ok) {
    const { reason } = checked.rejection;
    logger.warn({ reason, accountId: account.id }, 'a new passkey was refused');
    return reject('refused');
  }
  const { challenge, ...registered } = checked.value;
  crashPoint('identity.before-passkey-added');
  const added = await db
    .transaction(async (tx) => {
      if (!(await accounts.holds(tx, account.id, account.version))) return reject('stale' as const);
      // Locks the account's row of second factors: of many at once each sees those before it.
      const codes = await secondFactors.codesBesidePasskeys(tx, account.id);
      if ((await passkeys.list(account.id, tx)).length >= MOST_PASSKEYS) throw new RefusedError('too-many');
      const isFresh = await passkeys.takeChallenge(tx, challenge.text, challenge.goodUntil);
      const isNew = isFresh && (await passkeys.add(tx, { ...registered, accountId: account.id, name }));
      if (!isNew) throw new RefusedError('refused');
      await tellOfPasskey(deps, tx, account, { name, isAdded: true });
      return accept(codes);
    })
    .catch(asRejection);
  crashPoint('identity.after-passkey-added');
  return added;
}

/** Thrown, so that what the transaction did before is undone. */
class RefusedError extends Error {
  readonly rejection: AddPasskeyRejection;
  constructor(rejection: AddPasskeyRejection) {
    super(rejection);
    this.rejection = rejection;
  }
}

function asRejection(error: unknown) {
  if (error instanceof RefusedError) return reject(error.rejection);
  throw error;
}

/** For an account whose owner was just checked. Returns whether there was one. */
export async function removePasskey(deps: PasskeyDeps, account: StoredAccount, id: string): Promise<boolean> {
  crashPoint('identity.before-passkey-removal');
  const isRemoved = await deps.db.transaction(async (tx) => {
    const removed = await deps.passkeys.remove(tx, account.id, id);
    if (removed === undefined) return false;
    await deps.secondFactors.forgetUnused(tx, account.id);
    await tellOfPasskey(deps, tx, account, { name: removed.name, isAdded: false });
    return true;
  });
  crashPoint('identity.after-passkey-removal');
  return isRemoved;
}

async function tellOfPasskey(
  { outbox, clock }: TellOfSecondFactorDeps,
  tx: Transaction,
  { id: userId, email, name }: StoredAccount,
  passkey: { readonly name: string; readonly isAdded: boolean },
): Promise<void> {
  const changedAt = clock.now().toISOString();
  const { isAdded } = passkey;
  await outbox.publish(tx, passkeyChanged, {
    userId,
    email,
    name,
    passkey: passkey.name,
    isAdded,
    changedAt,
  });
}
