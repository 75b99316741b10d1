/** A pg-boss worker whose effects and whose completion of the job commit together. */
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { createArrivals, type Range } from '../messaging/arrivals.ts';
import type { BossSettings } from '../messaging/pg-boss.ts';
import { INSERT_EFFECT, type Parcel } from '../messaging/traffic.ts';
import { runProgram } from '../program.ts';
import { openBoss } from './pg-boss-settings.ts';

const WORK = {
  transactional: true,
  batchSize: 32,
  localConcurrency: 4,
  pollingIntervalSeconds: 0.5,
  notifyPollingIntervalSeconds: 0.5,
  burstWhenBatchFull: true,
} as const;

await runProgram(async (settings: BossSettings) => {
  const boss = await openBoss(settings);
  const arrivals = createArrivals();
  const watcher = new pg.Pool({ connectionString: settings.uri, max: 1 });
  const entered: number[] = [];

  /** pg-boss does not tell a handler of its commit: once enough handlers have run, the table is asked. */
  async function awaitCommits({ from, messages, enough = messages }: Range): Promise<void> {
    while (entered.length < enough) await delay(2);
    const sql = 'SELECT count(*)::int AS effects FROM effect WHERE n >= $1 AND n < $2';
    for (;;) {
      const { rows } = await watcher.query<{ effects: number }>(sql, [from, from + messages]);
      if ((rows[0]?.effects ?? 0) >= enough) break;
      await delay(2);
    }
    for (const n of entered) arrivals.committed(n);
  }

  return {
    commands: {
      begin: async () => {
        await boss.work<Parcel, void, typeof WORK>(settings.queue, WORK, async (jobs, tx) => {
          for (const { data } of jobs) {
            arrivals.entered(data.n);
            entered.push(data.n);
            await tx.executeSql(INSERT_EFFECT, [data.n, data.key]);
          }
        });
      },
      ...arrivals.commands,
      expect: async (range: Range) => {
        entered.length = 0;
        await arrivals.commands.expect(range);
        void awaitCommits(range);
      },
    },
    close: async () => {
      await watcher.end();
      await boss.stop({ graceful: false });
    },
  };
});
