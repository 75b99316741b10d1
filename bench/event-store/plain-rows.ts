/** The floor: the same events as plain rows of a table with one index, by the same pool and the same transactions. */
import { createDatabase } from '@flotilla/postgres';
import { publishingCommands } from '../messaging/publishing.ts';
import { runProgram } from '../program.ts';

const INSERT = `INSERT INTO plain_event (stream_id, n, data)
  SELECT $1, event.n, event.data FROM unnest($2::integer[], $3::jsonb[]) AS event (n, data)`;

await runProgram(async ({ uri }: { readonly uri: string }) => {
  const pool = { maxConnections: 20, acquireTimeoutMs: 60_000 };
  const db = createDatabase({ uri, applicationName: 'plain-rows', ...pool });
  return {
    commands: publishingCommands(async (parcels) => {
      const values = [
        parcels[0]?.key ?? '',
        parcels.map(({ n }) => n),
        parcels.map(({ note }) => JSON.stringify({ note })),
      ];
      await db.transaction((tx) => tx.query(INSERT, values));
    }),
    close: () => db.close(),
  };
});
