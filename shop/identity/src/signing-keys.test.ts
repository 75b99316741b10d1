import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, beforeEach, describe, it } from 'node:test';
import { systemClock } from '@flotilla/kernel';
import { createTestDatabase, type TestDatabase } from '@flotilla/postgres/testing';
import { calculateJwkThumbprint } from 'jose';
import { identitySeal } from './seal.ts';
import { openSigningKeys, rotateKeys } from './signing-keys.ts';
import { identityMigrations } from './testing.ts';

const seal = identitySeal(randomBytes(32));

describe('signing keys', () => {
  let database: TestDatabase;
  before(async () => {
    database = await createTestDatabase(identityMigrations);
  });
  after(() => database.close());
  beforeEach(() => database.db.query('DELETE FROM signing_key'));

  const open = () => openSigningKeys({ db: database.db, seal, clock: systemClock });
  const age = (days: number) =>
    database.db.query("UPDATE signing_key SET signs_from = signs_from - $1 * interval '1 day'", [days]);
  const kids = (keys: Awaited<ReturnType<typeof open>>, alg = 'ES256') =>
    keys
      .jwks()
      .keys.filter((key) => key['alg'] === alg)
      .map((key) => key['kid']);

  it('are the same for replicas that start at once', async () => {
    const replicas = await Promise.all([open(), open(), open(), open()]);
    assert.equal(new Set(replicas.map((keys) => keys.current().kid)).size, 1);
  });

  it('survive a restart', async () => {
    assert.equal((await open()).current().kid, (await open()).current().kid);
  });

  it('publish no private part', async () => {
    const members = (await open()).jwks().keys.map((key) => Object.keys(key).sort().join(' '));
    assert.deepEqual(members.sort(), ['alg crv kid kty use x y', 'alg e kid kty n use']);
  });

  it('are named by their thumbprint, one of each algorithm', async () => {
    const { keys } = (await open()).jwks();
    assert.deepEqual(keys.map((key) => key['alg']).sort(), ['ES256', 'RS256']);
    for (const key of keys)
      assert.equal(key['kid'], await calculateJwkThumbprint({ ...key, kty: String(key['kty']) }));
  });

  it('are made anew on request: published at once, signing later, and who follows them is told', async () => {
    const keys = await open();
    const before = keys.current('RS256').kid;
    const rotated = await rotateKeys({ db: database.db, seal, clock: systemClock }, async () => undefined);
    assert.deepEqual(rotated.map(({ alg }) => alg).sort(), ['ES256', 'RS256']);
    assert.equal(await keys.refresh(), true);
    assert.equal(await keys.refresh(), false);
    assert.equal(kids(keys, 'RS256').length, 2);
    assert.equal(keys.current('RS256').kid, before);
    await database.db.query("UPDATE signing_key SET signs_from = signs_from - interval '1 hour'");
    assert.equal(await keys.refresh(), true);
    assert.notEqual(keys.current('RS256').kid, before);
    assert.equal(keys.privateJwks().keys[1]?.['kid'], keys.current('RS256').kid);
  });

  it('are sealed in the database, and do not open with another key', async () => {
    const der = (await open()).current().privateKey.export({ format: 'der', type: 'pkcs8' });
    const [row] = await database.db.query<{ sealed_private_key: Buffer }>(
      "SELECT * FROM signing_key WHERE alg = 'ES256'",
    );
    assert.equal(row?.sealed_private_key.includes(der.subarray(-64)), false);
    const other = identitySeal(randomBytes(32));
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
    // Nor any ID token that comes back as a hint when a session of 30 days ends.
    await age(31);
    await keys.refresh();
    assert.ok(!kids(keys).includes(old));
    assert.equal(await keys.find(old), undefined);
  });
});
