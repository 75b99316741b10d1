import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createManualClock } from '@flotilla/kernel/testing';
import { createTestDatabase, type TestDatabase } from '@flotilla/postgres/testing';
import { createMetrics, type Logger, silentLogger } from '@flotilla/telemetry';
import { watchCleanupHolder } from './cleanup-holder.ts';

describe('a session with a transaction that stays open', () => {
  let test: TestDatabase;
  before(async () => {
    test = await createTestDatabase();
  });
  after(() => test.close());

  it('is named once after a minute, and its end is noticed', async () => {
    const warnings: object[] = [];
    const logger: Logger = { ...silentLogger, warn: (facts: object) => void warnings.push(facts) };
    const clock = createManualClock();
    const metrics = createMetrics();
    const look = watchCleanupHolder({ db: test.db, clock, logger, metrics });
    const holder = await test.db.connect();
    try {
      await holder.query("SET application_name = 'report'");
      await holder.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
      const { rows } = await holder.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
      await look();
      await clock.advance(59_000);
      await look();
      assert.deepEqual(warnings, []);
      for (let round = 0; round < 2; round += 1) {
        await clock.advance(1_000);
        await look();
      }
      assert.deepEqual(warnings, [{ pid: rows[0]?.pid, application: 'report', heldMs: 60_000 }]);
      assert.match(metrics.render(), /^messaging_cleanup_held_seconds 61$/m);
      await holder.query('COMMIT');
      await look();
      assert.match(metrics.render(), /^messaging_cleanup_held_seconds 0$/m);
    } finally {
      await holder.end();
    }
  });
});
