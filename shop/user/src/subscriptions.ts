import { on } from '@flotilla/messaging';
import { userRegistered } from '@shop/contracts';
import type { ProfileStore } from './profile-store.ts';

/** A profile for each account. One that was changed before the event came stays as it is. */
export function userSubscriptions(profiles: ProfileStore) {
  return [
    on(userRegistered, async ({ data, time }, tx) => {
      const { userId, email, name, registeredAt } = data;
      await profiles.ensure(tx, {
        ...{ userId, email, name, locale: 'en', version: 1 },
        notifications: { orders: true, shipping: true },
        registeredAt: new Date(registeredAt ?? time),
      });
    }),
  ];
}
