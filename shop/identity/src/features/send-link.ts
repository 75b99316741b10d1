import type { Outbox } from '@flotilla/messaging';
import type { Transaction } from '@flotilla/postgres';
import { emailVerificationAsked, passwordResetAsked } from '@shop/contracts';
import type { AccountLinks, LinkPurpose } from '../account-links.ts';
import type { Account } from '../domain/account.ts';

export interface SendLinkDeps {
  readonly links: AccountLinks;
  readonly outbox: Outbox;
  readonly issuer: string;
}

const MESSAGES = { 'reset-password': passwordResetAsked, 'verify-email': emailVerificationAsked };

/**
 * Has a link mailed to the owner of an account. Link and message commit with what asked for them. Its address is the
 * configured issuer's, whatever a request says of hosts.
 */
export async function sendLink(
  { links, outbox, issuer }: SendLinkDeps,
  tx: Transaction,
  account: Pick<Account, 'id' | 'email' | 'name'> & { readonly version: number },
  purpose: LinkPurpose,
): Promise<void> {
  const { id, email, name, version } = account;
  const { token, expiresAt } = await links.make(tx, { accountId: id, version, purpose });
  const link = `${issuer}/${purpose}?token=${token}`;
  const data = { userId: id, email, name, link, expiresAt: expiresAt.toISOString() };
  await outbox.publish(tx, MESSAGES[purpose], data);
}
