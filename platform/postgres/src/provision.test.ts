import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { createDatabase, type Database } from './database.ts';
import { databaseUri, deprovision, findProvisioned, type ProvisionPlan, provision } from './provision.ts';
import { fingerprintOf } from './provision-note.ts';
import { testServerUri } from './testing/index.ts';

const mine = `p${process.pid}`;
const systemId = randomBytes(16).toString('hex');
const name = (suffix: string) => `${mine}_${suffix}`;

/** A schema whose tables are reached through a function of their owner. */
const CALL = `
  CREATE SCHEMA apart;
  GRANT USAGE ON SCHEMA apart TO PUBLIC;
  CREATE TABLE apart.thing (name text);
  CREATE FUNCTION apart.add(given text) RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog
    AS $$ INSERT INTO apart.thing VALUES (given) $$;`;

describe('provisioning', () => {
  const adminUri = testServerUri();
  const cart = { name: name('cart'), password: "it's a \\ secret" };
  const order = { name: name('order'), password: 'order-secret' };
  let folder: string;
  let admin: Database;
  let plan: ProvisionPlan;

  before(async () => {
    admin = createDatabase({ uri: adminUri, applicationName: 'test-admin', maxConnections: 2 });
    folder = await mkdtemp(join(tmpdir(), 'flotilla-provision-'));
    await writeFile(
      join(folder, '0001_item.sql'),
      'CREATE TABLE item (id bigint GENERATED ALWAYS AS IDENTITY, name text)',
    );
    const migrations = [{ name: 'test', directory: folder }];
    plan = {
      systemId,
      roles: [cart, order],
      databases: [
        { name: name('cart'), roles: [cart.name], migrations },
        { name: name('order'), roles: [order.name], migrations },
        { name: name('bus'), roles: [cart.name, order.name], migrations },
      ],
    };
    await provision(adminUri, plan);
  });

  after(async () => {
    for (const database of plan.databases) await admin.query(`DROP DATABASE ${database.name} WITH (FORCE)`);
    for (const role of plan.roles) await admin.query(`DROP ROLE ${role.name}`);
    await admin.close();
    await rm(folder, { recursive: true });
  });

  async function as<T>(role: typeof cart, database: string, work: (db: Database) => Promise<T>): Promise<T> {
    const db = createDatabase({
      uri: databaseUri(adminUri, database, role),
      applicationName: 'test',
      maxConnections: 1,
    });
    try {
      return await work(db);
    } finally {
      await db.close();
    }
  }

  const useItems = (db: Database) =>
    db.transaction(async (tx) => {
      await tx.query("INSERT INTO item (name) VALUES ('a')");
      await tx.query("UPDATE item SET name = 'b'");
      return await tx.query('DELETE FROM item RETURNING name');
    });

  it('lets a role use the rows of its own and of a shared database', async () => {
    assert.deepEqual(await as(cart, name('cart'), useItems), [{ name: 'b' }]);
    assert.deepEqual(await as(cart, name('bus'), useItems), [{ name: 'b' }]);
    assert.deepEqual(await as(order, name('bus'), useItems), [{ name: 'b' }]);
  });

  it("does not let a role connect to another's database, nor to the server's own", async () => {
    for (const database of [name('order'), 'postgres', 'template1']) {
      await assert.rejects(
        as(cart, database, (db) => db.query('SELECT 1')),
        /permission denied for database/,
      );
    }
  });

  it('does not let a role create, alter or drop anything', async () => {
    const forbidden = [
      'CREATE TABLE mine (id text)',
      'CREATE TEMPORARY TABLE mine (id text)',
      'CREATE SCHEMA mine',
      'ALTER TABLE item ADD more text',
      'DROP TABLE item',
      'TRUNCATE item',
      `CREATE DATABASE ${name('more')}`,
      `CREATE ROLE ${name('more')}`,
    ];
    await as(cart, name('cart'), async (db) => {
      for (const sql of forbidden)
        await assert.rejects(db.query(sql), /permission denied|must be owner/, sql);
    });
  });

  it('refuses a wrong password', async () => {
    const forged = { name: cart.name, password: 'wrong' };
    await assert.rejects(
      as(forged, name('cart'), (db) => db.query('SELECT 1')),
      /password authentication failed/,
    );
  });

  it('does nothing the second time, and keeps the rows', async () => {
    await as(cart, name('cart'), (db) => db.query("INSERT INTO item (name) VALUES ('kept')"));
    await provision(adminUri, plan);
    assert.equal((await as(cart, name('cart'), (db) => db.query('SELECT * FROM item'))).length, 1);
  });

  it('applies what was added to the plan: a new password, role and migration', async () => {
    const renewed = { name: order.name, password: 'renewed' };
    await writeFile(join(folder, '0002_note.sql'), 'CREATE TABLE note (id text)');
    const wider = plan.databases.map((database) => ({ ...database, roles: [cart.name, order.name] }));
    await provision(adminUri, { systemId, roles: [cart, renewed], databases: wider });
    const insert = (db: Database) => db.query("INSERT INTO note VALUES ('a')");
    await as(renewed, name('cart'), insert);
    await as(renewed, name('order'), insert);
  });

  it('takes back the right to connect from a role that left the plan', async () => {
    await provision(adminUri, plan);
    await assert.rejects(
      as(order, name('cart'), (db) => db.query('SELECT 1')),
      /permission denied for database/,
    );
  });

  it('lets a reader see every table of a database, and do nothing else', async () => {
    const [bus, reader] = [name('read'), { name: name('reader'), password: 'reader-secret' }];
    await writeFile(join(folder, '0003_call.sql'), CALL);
    const migrations = [{ name: 'test', directory: folder }];
    const read = { name: bus, roles: [cart.name], readers: [reader.name], migrations };
    // One that is there already, and has been read by nobody.
    const { readers: _, ...unread } = read;
    await provision(adminUri, { systemId, roles: [cart, reader], databases: [unread] });
    await as(cart, bus, (db) => db.query("SELECT apart.add('kept')"));
    for (const roles of [[cart.name], [], [cart.name]])
      await provision(adminUri, { systemId, roles: [cart, reader], databases: [{ ...read, roles }] });
    plan = { ...plan, roles: [...plan.roles, reader], databases: [...plan.databases, read] };
    await as(reader, bus, async (db) => {
      assert.deepEqual(await db.query('SELECT name FROM apart.thing'), [{ name: 'kept' }]);
      assert.deepEqual(await db.query('SELECT name FROM item'), []);
      for (const sql of [
        "INSERT INTO item (name) VALUES ('a')",
        'DELETE FROM apart.thing',
        "SELECT apart.add('forged')",
        'CREATE TABLE mine (id text)',
        'CREATE TEMPORARY TABLE mine (id text)',
      ])
        await assert.rejects(db.query(sql), /permission denied/, sql);
    });
    await assert.rejects(
      as(reader, name('cart'), (db) => db.query('SELECT 1')),
      /permission denied for database/,
    );
    await as(cart, bus, (db) => db.query("SELECT apart.add('more')"));
  });

  it('leaves alone what somebody else made', async () => {
    const [role, database] = [name('theirs'), name('foreign')];
    await admin.query(`CREATE ROLE ${role}`);
    await admin.query(`CREATE DATABASE ${database}`);
    const uri = databaseUri(adminUri, database);
    const theirs = createDatabase({ uri, applicationName: 'test', maxConnections: 1 });
    await theirs.query('CREATE TABLE precious (id text)');
    await theirs.close();
    const plans: ProvisionPlan[] = [
      { systemId, roles: [{ name: role, password: 'taken over' }], databases: [] },
      { systemId, roles: [], databases: [{ name: database, roles: [], migrations: [] }] },
    ];
    for (const foreign of plans) {
      await assert.rejects(provision(adminUri, foreign), { code: 'POSTGRES_NAME_TAKEN' });
      assert.deepEqual(
        await deprovision(adminUri, { ...foreign, systemId: randomBytes(16).toString('hex') }),
        {
          databases: [],
          roles: [],
        },
      );
    }
    await admin.query(`DROP DATABASE ${database}`);
    await admin.query(`DROP ROLE ${role}`);
  });

  it('leaves alone what another system made, and says how to hand it over', async () => {
    await as(cart, name('cart'), (db) => db.query("INSERT INTO item (name) VALUES ('precious')"));
    const second = { ...plan, systemId: randomBytes(16).toString('hex') };
    // Its own secrets, or, as after a copy of a configuration, the same.
    for (const roles of [plan.roles, plan.roles.map((role) => ({ ...role, password: 'taken over' }))]) {
      await assert.rejects(provision(adminUri, { ...second, roles }), {
        code: 'POSTGRES_NAME_TAKEN',
        message: new RegExp(`COMMENT ON ROLE "${cart.name}" IS 'flotilla ${second.systemId}'`),
      });
    }
    await assert.rejects(provision(adminUri, { ...second, roles: [] }), { code: 'POSTGRES_NAME_TAKEN' });
    assert.deepEqual(await deprovision(adminUri, second), { databases: [], roles: [] });
    const precious = await as(cart, name('cart'), (db) =>
      db.query("SELECT FROM item WHERE name = 'precious'"),
    );
    assert.equal(precious.length, 1);
  });

  it('takes what was handed over', async () => {
    const given = { name: name('given'), password: 'new' };
    await admin.query(`CREATE ROLE ${given.name}`);
    await admin.query(`COMMENT ON ROLE ${given.name} IS 'flotilla ${systemId}'`);
    const one = { systemId, roles: [given], databases: [] };
    await provision(adminUri, one);
    await as(given, plan.databases[2]?.name ?? '', (db) => db.query('SELECT 1')).then(
      () => assert.fail('it has no database'),
      (error: Error) => assert.match(error.message, /permission denied for database/),
    );
    await admin.query(`DROP ROLE ${given.name}`);
  });

  it('knows what an older release made by its passwords', async () => {
    const older = { name: name('older'), password: 'older-secret' };
    const one: ProvisionPlan = {
      systemId: randomBytes(16).toString('hex'),
      roles: [older],
      databases: [{ name: older.name, roles: [older.name], migrations: [] }],
    };
    await admin.query(`CREATE ROLE ${older.name} LOGIN PASSWORD '${older.password}'`);
    await admin.query(`COMMENT ON ROLE ${older.name} IS 'flotilla ${fingerprintOf(older)}'`);
    await admin.query(`CREATE DATABASE ${older.name}`);
    await admin.query(
      `COMMENT ON DATABASE ${older.name} IS 'flotilla ${fingerprintOf('whatever was done')}'`,
    );
    const stranger = { ...one, roles: [{ ...older, password: 'another' }] };
    await assert.rejects(provision(adminUri, stranger), { code: 'POSTGRES_NAME_TAKEN' });
    assert.deepEqual(await findProvisioned(adminUri, stranger), { databases: [], roles: [] });
    const all = { databases: [older.name], roles: [older.name] };
    assert.deepEqual(await findProvisioned(adminUri, one), all);
    await provision(adminUri, one);
    assert.deepEqual(
      await findProvisioned(adminUri, { ...one, roles: [], databases: [] }),
      all,
      'marked now',
    );
    assert.deepEqual(await deprovision(adminUri, one), all);
  });

  it('goes on with a database whose making was interrupted', async () => {
    await admin.query(`CREATE DATABASE ${name('half')}`);
    const half = {
      systemId: randomBytes(16).toString('hex'),
      roles: [],
      databases: [{ name: name('half'), roles: [cart.name], migrations: [] }],
    };
    await provision(adminUri, half);
    assert.deepEqual(await as(cart, name('half'), (db) => db.query('SELECT 1 AS one')), [{ one: 1 }]);
    await deprovision(adminUri, half);
    await assert.rejects(
      as(cart, name('half'), (db) => db.query('SELECT 1')),
      /does not exist/,
    );
  });
});
