import { accept, type Clock, crashPoint, type Result, reject } from '@flotilla/kernel';
import type { Database } from '@flotilla/postgres';
import type { AccountLinks } from '../account-links.ts';
import type { AccountStore } from '../account-store.ts';
import type { Pace } from '../pace.ts';
import { type SendLinkDeps, sendLink } from './send-link.ts';

export interface VerifyEmailDeps {
  readonly db: Database;
  readonly links: AccountLinks;
  readonly accounts: AccountStore;
  readonly clock: Pick<Clock, 'now'>;
}

/** Who has the link has read the mail. Returns whether it still worked. */
export async function verifyEmail(
  { db, links, accounts, clock }: VerifyEmailDeps,
  token: string,
): Promise<boolean> {
  crashPoint('identity.before-email-verification');
  const isVerified = await db.transaction(async (tx) => {
    const link = await links.spend(tx, token, 'verify-email');
    if (link !== undefined) await accounts.verifyEmail(tx, link.accountId, clock.now());
    return link !== undefined;
  });
  crashPoint('identity.after-email-verification');
  return isVerified;
}

export interface AskEmailVerificationDeps extends SendLinkDeps {
  readonly db: Database;
  readonly accounts: AccountStore;
  readonly linkPace: Pace;
}

export type AskEmailVerificationRejection =
  | { readonly code: 'not-found' }
  | { readonly code: 'already-verified' }
  | { readonly code: 'too-many-attempts'; readonly waitMs: number };

/** Has a new link sent to the owner, who is signed in. */
export async function askEmailVerification(
  deps: AskEmailVerificationDeps,
  accountId: string,
): Promise<Result<undefined, AskEmailVerificationRejection>> {
  crashPoint('identity.before-verification-link');
  const outcome = await deps.db.transaction(
    async (tx): Promise<Result<undefined, AskEmailVerificationRejection>> => {
      const account = await deps.accounts.find(accountId, tx);
      if (account === undefined || account.isDisabled) return reject({ code: 'not-found' });
      if (account.isEmailVerified) return reject({ code: 'already-verified' });
      const waitMs = await deps.linkPace.take(`verify ${accountId}`, tx);
      if (waitMs > 0) return reject({ code: 'too-many-attempts', waitMs });
      await sendLink(deps, tx, account, 'verify-email');
      return accept(undefined);
    },
  );
  crashPoint('identity.after-verification-link');
  return outcome;
}
