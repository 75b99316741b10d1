import { createDatabase, type Database } from '@flotilla/postgres';
import { type PostgresServer, startPostgresServer } from '../postgres-server.ts';
import { cpuSecondsOfTree } from '../processes.ts';
import type { Figures } from '../report.ts';

const COLUMNS =
  'id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, owner_id text NOT NULL, n integer NOT NULL';
const TABLES = `
  CREATE TABLE plain (${COLUMNS});
  CREATE TABLE owned (${COLUMNS});
  ALTER TABLE owned ENABLE ROW LEVEL SECURITY;
  CREATE POLICY acting ON owned USING (
    coalesce(current_setting('flotilla.acting_for', true), '') IN ('', 'user:' || owner_id));
  GRANT ALL ON plain, owned TO rows`;

interface Contender {
  readonly db: Database;
  readonly table: string;
}

/**
 * CPU time of Node and PostgreSQL together, in µs: a transaction that writes one row, and a lone statement that reads one. The two take
 * turns in short rounds: what slows the machine for a while slows both.
 */
export async function measureRowSecurity(
  count: number,
): Promise<readonly [without: Figures, secured: Figures]> {
  const server = await startPostgresServer();
  const uri = await server.database('rows', []);
  await server.sql('rows', TABLES);
  const options = { uri, applicationName: 'rows', maxConnections: 2 };
  const plain: Contender = { db: createDatabase(options), table: 'plain' };
  const owned: Contender = {
    db: createDatabase({ ...options, acting: () => ({ subject: 'alice' }) }),
    table: 'owned',
  };
  try {
    const writes = await inTurns(server, [plain, owned], count, ({ db, table }) =>
      db.transaction((tx) => tx.query(`INSERT INTO ${table} (owner_id, n) VALUES ('alice', $1)`, [1])),
    );
    const reads = await inTurns(server, [plain, owned], count, ({ db, table }) =>
      db.query(`SELECT n FROM ${table} WHERE id = $1`, [1]),
    );
    const figuresOf = (index: 0 | 1): Figures => ({
      'µs, a transaction with one INSERT': writes[index],
      'µs, a lone SELECT': reads[index],
    });
    return [figuresOf(0), figuresOf(1)];
  } finally {
    await Promise.all([plain.db.close(), owned.db.close()]);
    await server.stop();
  }
}

const ROUNDS = 20;

async function inTurns(
  server: PostgresServer,
  contenders: readonly [Contender, Contender],
  count: number,
  work: (contender: Contender) => Promise<unknown>,
): Promise<[number, number]> {
  const cpu = () => cpuSecondsOfTree(process.pid) + cpuSecondsOfTree(server.pid);
  const used: [number, number] = [0, 0];
  for (let round = -2; round < ROUNDS; round += 1)
    for (const [index, contender] of contenders.entries()) {
      const before = cpu();
      for (let n = 0; n < count / ROUNDS; n += 1) await work(contender);
      // The first two rounds warm up.
      if (round >= 0) used[index === 0 ? 0 : 1] += cpu() - before;
    }
  return [(used[0] * 1e6) / count, (used[1] * 1e6) / count];
}
