import { accept, crashPoint, type NewId, type Result, reject } from '@flotilla/kernel';
import type { Database } from '@flotilla/postgres';
import type { AccountStore } from '../account-store.ts';
import { emailKey } from '../domain/account.ts';
import type { Pace } from '../pace.ts';
import { type SendLinkDeps, sendLink } from './send-link.ts';

export interface AskPasswordResetDeps {
  readonly db: Database;
  readonly newId: NewId;
  readonly resetPace: Pace;
}

/**
 * Notes that somebody wants back into the account of this address. Nothing is looked up: an address without an account has the
 * same answer after the same work. Rejects with the milliseconds to wait, by the network address alone.
 */
export async function askPasswordReset(
  { db, newId, resetPace }: AskPasswordResetDeps,
  { email, address }: { readonly email: string; readonly address: string },
): Promise<Result<undefined, number>> {
  const waitMs = await resetPace.take(address);
  if (waitMs > 0) return reject(waitMs);
  crashPoint('identity.before-reset-request');
  await db.query('INSERT INTO reset_request (id, email_key) VALUES ($1, $2)', [newId(), emailKey(email)]);
  crashPoint('identity.after-reset-request');
  return accept(undefined);
}

export interface SendResetLinksDeps extends SendLinkDeps {
  readonly db: Database;
  readonly accounts: AccountStore;
  /** Of mails to one account. */
  readonly linkPace: Pace;
}

const TAKE = `
  DELETE FROM reset_request WHERE id IN (
    SELECT id FROM reset_request ORDER BY asked_at LIMIT 20 FOR UPDATE SKIP LOCKED)
  RETURNING email_key`;

/**
 * Has links sent to those who asked and have an account. Who asks too often keeps the link that was sent last. Returns how
 * many requests it has seen to.
 */
export async function sendResetLinks(deps: SendResetLinksDeps): Promise<number> {
  const { db, accounts, linkPace } = deps;
  crashPoint('identity.before-reset-links');
  const taken = await db.transaction(async (tx) => {
    const rows = await tx.query<{ email_key: string }>(TAKE, []);
    for (const email of new Set(rows.map((row) => row.email_key))) {
      const account = await accounts.findByEmail(email, tx);
      if (account === undefined || account.isDisabled) continue;
      if ((await linkPace.take(`reset ${account.id}`, tx)) > 0) continue;
      await sendLink(deps, tx, account, 'reset-password');
    }
    return rows.length;
  });
  crashPoint('identity.after-reset-links');
  return taken;
}
