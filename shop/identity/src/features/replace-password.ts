import type { Sessions } from '@flotilla/auth/provider';
import type { Clock } from '@flotilla/kernel';
import type { Outbox } from '@flotilla/messaging';
import type { Transaction } from '@flotilla/postgres';
import { passwordChanged } from '@shop/contracts';
import type { AccountStore, StoredAccount } from '../account-store.ts';

export interface ReplacePasswordDeps {
  readonly accounts: AccountStore;
  readonly sessions: Sessions;
  readonly outbox: Outbox;
  readonly clock: Pick<Clock, 'now'>;
}

export interface NewPassword {
  readonly account: StoredAccount;
  readonly passwordHash: string;
  /** The session that goes on. */
  readonly kept?: string | undefined;
}

/**
 * Ends every other session with the password that began it, has clients told, and the owner. Returns `false` when somebody
 * else has changed it meanwhile: then nothing was done.
 */
export async function replacePassword(
  { accounts, sessions, outbox, clock }: ReplacePasswordDeps,
  tx: Transaction,
  { account: { id, version, email, name }, passwordHash, kept }: NewPassword,
): Promise<boolean> {
  if (!(await accounts.setPassword(tx, { id, version, passwordHash }))) return false;
  await sessions.endAll(tx, id, 'password-changed', kept);
  const changedAt = clock.now().toISOString();
  await outbox.publish(tx, passwordChanged, { userId: id, email, name, changedAt });
  return true;
}
