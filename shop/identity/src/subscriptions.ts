import { on } from '@flotilla/messaging';
import { profileChanged } from '@shop/contracts';
import type { AccountStore } from './account-store.ts';

/** What identity hears: the name that tokens say from the next one on. Of two changes the newer one stays, however they arrive. */
export function identitySubscriptions(accounts: Pick<AccountStore, 'rename'>) {
  return [
    on(
      profileChanged,
      async ({ data: { userId, name, version } }, tx) => {
        await accounts.rename(tx, userId, name, version);
      },
      { from: ['user'] },
    ),
  ];
}
