import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { createDatabase, type Database, databaseUri } from '@flotilla/postgres';
import { createTestDatabase, type TestDatabase } from '@flotilla/postgres/testing';
import { createMetrics, silentLogger } from '@flotilla/telemetry';
import { busMigrations } from '../migrations.ts';
import type { Transport } from '../transport.ts';
import { createPostgresTransport } from './postgres-transport.ts';

const OWNER = '00000000-0000-7000-8000-000000000001';

describe('roles on the bus', () => {
  const suffix = randomBytes(4).toString('hex');
  const role = { name: `bus_role_${suffix}`, password: randomBytes(12).toString('hex') };
  let bus: TestDatabase;
  let direct: Database;
  let transport: Transport;
  before(async () => {
    bus = await createTestDatabase([busMigrations]);
    await bus.db.query(`CREATE ROLE ${role.name} LOGIN PASSWORD '${role.password}'`);
    const database = new URL(bus.uri).pathname.slice(1);
    const uri = databaseUri(bus.adminUri, database, role);
    direct = createDatabase({ uri, applicationName: 'test', acquireTimeoutMs: 30_000 });
    transport = createPostgresTransport({ uri, logger: silentLogger, metrics: createMetrics() });
  });
  after(async () => {
    await Promise.all([direct.close(), transport.close()]);
    await bus.db.query(`DROP OWNED BY ${role.name}`);
    await bus.db.query(`DROP ROLE ${role.name}`);
    await bus.close();
  });

  it('lets a role use the queues that bear its name', async () => {
    await transport.subscribe(role.name, ['a.v1']);
    await transport.subscribe(`${role.name}.purpose`, ['a.v1']);
    const names = await bus.db.query<{ name: string }>('SELECT name FROM bus.queue ORDER BY name');
    assert.deepEqual(
      names.map(({ name }) => name),
      [role.name, `${role.name}.purpose`],
    );
  });

  for (const queue of ['somebody-else', `${role.name}else`, 'bus_role', '']) {
    it(`refuses the queue "${queue.replace(suffix, '…')}" to another role`, async () => {
      await bus.db.query('SELECT bus.subscribe($1, $2)', [queue === '' ? 'some' : queue, ['a.v1']]);
      const calls: [sql: string, values: (string | number | string[])[]][] = [
        ['SELECT bus.subscribe($1, $2)', [queue, ['a.v1']]],
        ['SELECT * FROM bus.claim($1, $2, 1000, NULL)', [queue, OWNER]],
        ["SELECT * FROM bus.fetch($1, $2, '{0}', 1, '{}')", [queue, OWNER]],
        ["SELECT * FROM bus.take($1, $2, '{0}', 1, '{}', 1000)", [queue, OWNER]],
        ["SELECT bus.ack($1, $2, '{0}', '{1}', '{1}')", [queue, OWNER]],
        ["SELECT bus.release($1, $2, '{0}')", [queue, OWNER]],
        ['SELECT bus.leave($1, $2)', [queue, OWNER]],
      ];
      for (const [sql, values] of calls) {
        await assert.rejects(direct.query(sql, values), /does not belong to role/, sql);
      }
      await assert.rejects(transport.subscribe(queue, ['a.v1']), { code: 'MESSAGING_FORBIDDEN' });
    });
  }

  it('gives a role no way to the tables and the inner functions', async () => {
    for (const statement of [
      'SELECT * FROM bus.delivery',
      'DELETE FROM bus.subscription',
      'UPDATE bus.shard SET owner = NULL',
      "SELECT bus.own('x')",
      'SELECT bus.vacate(1, NULL)',
    ]) {
      await assert.rejects(direct.query(statement), /permission denied/, statement);
    }
  });
});
