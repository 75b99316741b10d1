import { crashPoint } from '@flotilla/kernel';
import type { Outbox } from '@flotilla/messaging';
import type { Database, Transaction } from '@flotilla/postgres';
import { userRegistered } from '@shop/contracts';
import type { AccountStore } from '../account-store.ts';
import type { Account } from '../domain/account.ts';

export interface OpenAccountDeps {
  readonly db: Database;
  readonly accounts: AccountStore;
  readonly outbox: Outbox;
}

/** Stores an account and tells the system about it, both or neither. Returns whether its address was free. */
export async function openAccount(
  { db, accounts, outbox }: OpenAccountDeps,
  account: Account,
  passwordHash: string,
  alsoTell: (tx: Transaction) => Promise<void> = async () => undefined,
): Promise<boolean> {
  const { id, email, name, createdAt } = account;
  const registered = { userId: id, email, name, registeredAt: createdAt.toISOString() };
  const inserted = await db.transaction(async (tx) => {
    if (!(await accounts.insert(tx, { ...account, passwordHash }))) return false;
    await outbox.publish(tx, userRegistered, registered);
    await alsoTell(tx);
    crashPoint('identity.before-sign-up-commit');
    return true;
  });
  crashPoint('identity.after-sign-up-commit');
  return inserted;
}
