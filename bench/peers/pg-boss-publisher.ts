/** pg-boss as its manual has it: the job is inserted by the transaction that writes the business row. */
import pg from 'pg';
import type { BossSettings } from '../messaging/pg-boss.ts';
import { type Publish, publishingCommands } from '../messaging/publishing.ts';
import { INSERT_BUSINESS } from '../messaging/traffic.ts';
import { runProgram } from '../program.ts';
import { openBoss } from './pg-boss-settings.ts';

await runProgram(async (settings: BossSettings) => {
  const boss = await openBoss(settings);
  const pool = new pg.Pool({ connectionString: settings.uri, max: 16 });

  const publish: Publish = async (parcels) => {
    const client = await pool.connect();
    try {
      await client.query('BEGIN');
      const db = { executeSql: (text: string, values?: unknown[]) => client.query(text, values) };
      for (const parcel of parcels) {
        await client.query({
          name: 'business',
          text: INSERT_BUSINESS,
          values: [parcel.n, parcel.key, parcel.note],
        });
        await boss.send(settings.queue, parcel, { db, ...(settings.fifo && { singletonKey: parcel.key }) });
      }
      await client.query('COMMIT');
    } finally {
      client.release();
    }
  };

  return {
    commands: { begin: async () => undefined, ...publishingCommands(publish) },
    close: async () => {
      await pool.end();
      await boss.stop({ graceful: false });
    },
  };
});
