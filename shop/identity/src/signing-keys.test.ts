import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, beforeEach, describe, it } from 'node:test';
import { systemClock } from '@flotilla/kernel';
import { createTestDatabase, type TestDatabase } from '@flotilla/postgres/testing';
import { createSeal } from './seal.ts';
import { openSigningKeys } from './signing-keys.ts';
import { identityMigrations } from './testing.ts';

const seal = createSeal(randomBytes(32));

describe('signing keys', () => {
  let database: TestDatabase;
  before(async () => {
    database = await createTestDatabase([identityMigrations]);
  });
  after(() => database.close());
  beforeEach(() => database.db.query('DELETE FROM signing_key'));

  const open = () => openSigningKeys({ db: database.db, seal, clock: systemClock });
  const age = (days: number) =>
    database.db.query("UPDATE signing_key SET signs_from = signs_from - $1 * interval '1 day'", [days]);
  const kids = (keys: Awaited<ReturnType<typeof open>>) => keys.jwks().keys.map((key) => key['kid']);

  it('are the same for replicas that start at once', async () => {
    const replicas = await Promise.all([open(), open(), open(), open()]);
    assert.equal(new Set(replicas.map((keys) => keys.current().kid)).size, 1);
  });

  it('survive a restart', async () => {
    assert.equal((await open()).current().kid, (await open()).current().kid);
  });

  it('publish no private part', async () => {
    const [key = {}] = (await open()).jwks().keys;
    assert.deepEqual(Object.keys(key).sort(), ['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y']);
  });

  it('are sealed in the database, and do not open with another key', async () => {
    const der = (await open()).current().privateKey.export({ format: 'der', type: 'pkcs8' });
    const [row] = await database.db.query<{ sealed_private_key: Buffer }>('SELECT * FROM signing_key');
    assert.equal(row?.sealed_private_key.includes(der.subarray(-64)), false);
    const other = createSeal(randomBytes(32));
    await assert.rejects(openSigningKeys({ db: database.db, seal: other, clock: systemClock }), {
      code: 'IDENTITY_SEAL_BROKEN',
      retryable: false,
    });
  });

  it('get a successor in time, which is published before it signs', async () => {
    const keys = await open();
    const old = keys.current().kid;
    await age(31);
    await keys.refresh();
    assert.equal(keys.current().kid, old);
    assert.equal(kids(keys).length, 2);
    const [successor] = kids(keys);
    await age(1);
    await keys.refresh();
    assert.equal(keys.current().kid, successor);
  });

  it('are published until no token they signed can be valid any more', async () => {
    const keys = await open();
    const old = keys.current().kid;
    await age(31);
    await keys.refresh();
    await age(1);
    await keys.refresh();
    assert.ok(kids(keys).includes(old));
    await age(1);
    await keys.refresh();
    assert.ok(!kids(keys).includes(old));
    assert.equal(await keys.find(old), undefined);
  });
});
