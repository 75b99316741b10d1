import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { eventually } from '@flotilla/kernel/testing';
import { inboxMigrations } from '@flotilla/messaging';
import { createTestService, type TestService } from '@flotilla/service/testing';
import { profileChanged } from '@shop/contracts';
import { createAccountStore } from './account-store.ts';
import { permissionsOf } from './domain/account.ts';
import { identitySubscriptions } from './subscriptions.ts';
import { identityMigrations } from './testing.ts';

const id = '01935f3e-0000-7000-8000-000000000001';

let service: TestService;
before(async () => {
  service = await createTestService('identity', [...identityMigrations, inboxMigrations]);
});
after(() => service.close());

it('a changed name is the account’s, and an older change that comes later is not', async () => {
  const accounts = createAccountStore(service.db);
  await accounts.insert(service.db, {
    ...{ id, email: 'nia@example.com', name: 'Nia', role: 'Customer', tenantId: null },
    ...{ permissions: permissionsOf('Customer'), passwordHash: 'none', createdAt: new Date(0) },
  });
  await service.consume(identitySubscriptions(accounts));
  for (const [name, version, userId] of [
    ['Newest', 3, id],
    ['Older', 2, id],
    ['Newest', 3, id],
    ['Of a service', 4, 'order'],
  ] as const) {
    const changed = { userId, name, version, locale: 'en', changedAt: '2026-01-01T00:00:00.000Z' };
    const message = await service.publish(profileChanged, {
      ...changed,
      notifications: { orders: true, shipping: true },
    });
    await eventually('it was heard', async () => {
      const rows = await service.db.query('SELECT FROM inbox WHERE message_id = $1', [message]);
      return rows.length === 1;
    });
  }
  assert.equal((await accounts.find(id))?.name, 'Newest');
});
