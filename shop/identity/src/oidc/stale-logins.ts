import type { ProviderScope } from '@flotilla/auth/provider';
import type { InteractionResults, KoaContextWithOIDC, Provider } from 'oidc-provider';
import type { AccountStore } from '../account-store.ts';
import { expiredPage } from '../pages/pages.ts';
import { sendPage } from '../pages/send-page.ts';

export interface StaleLoginsDeps {
  readonly issuer: string;
  readonly accounts: AccountStore;
  readonly scope: ProviderScope;
}

/** A login that is done but for its last redirect. */
export interface LoginResult extends InteractionResults {
  /** The version of the account that the password was checked against. */
  readonly accountVersion?: number;
}

/**
 * Between a password that was right and the session that it begins is a redirect, which somebody may hold back for an hour.
 * When the password was changed meanwhile, or the account disabled, there is no session.
 */
export function refuseStaleLogins(provider: Provider, { issuer, accounts, scope }: StaleLoginsDeps): void {
  provider.use(async (context, next) => {
    const ctx = context as KoaContextWithOIDC;
    const [, uid] = /^\/auth\/([\w-]+)$/.exec(ctx.path) ?? [];
    const interaction = uid === undefined ? undefined : await provider.Interaction.find(uid);
    const result: LoginResult | undefined = interaction?.result;
    const { accountId } = result?.login ?? {};
    const current = scope.current();
    if (accountId !== undefined && current !== undefined) {
      // Locks the account: who changes it waits, and finds the session that begins here.
      const holds = await accounts.holds(await current.tx(), accountId, result?.accountVersion ?? 0);
      if (!holds) return sendPage(ctx, expiredPage(`${new URL(issuer).origin}/`));
    }
    await next();
  });
}
