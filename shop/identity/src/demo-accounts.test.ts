import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createAccountStore } from './account-store.ts';
import { seedDemoAccounts } from './demo-accounts.ts';
import { type Identity, startIdentity } from './testing.ts';

describe('demo accounts', () => {
  let identity: Identity;
  before(async () => {
    identity = await startIdentity({ demo: true });
  });
  after(() => identity.close());

  it('are created once, without hashing again at the next start', async () => {
    assert.equal(identity.hashing.counts.hashed, 4);
    await seedDemoAccounts(
      identity.db,
      createAccountStore(identity.db),
      identity.hashing.passwords,
      new Date(),
    );
    assert.equal(identity.hashing.counts.hashed, 4);
  });

  it('belong to the tenants of the contract', async () => {
    const rows = await identity.db.query('SELECT email, role, tenant_id FROM account ORDER BY email');
    assert.deepEqual(
      rows.map((row) => [row['email'], row['role'], row['tenant_id']]),
      [
        ['admin@example.com', 'Admin', null],
        ['alice@example.com', 'Customer', 'acme'],
        ['bob@example.com', 'Customer', 'acme'],
        ['carol@example.com', 'Customer', 'globex'],
      ],
    );
  });

  it('are announced to nobody', async () => {
    assert.deepEqual(await identity.db.query('SELECT * FROM outbox'), []);
  });
});
