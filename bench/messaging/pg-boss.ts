import { join } from 'node:path';
import { databaseUri } from '@flotilla/postgres';
import type { Backlog, Contender } from './contender.ts';
import { BUSINESS_TABLE, EFFECT_TABLE, KEYS, NOTE } from './traffic.ts';

export interface BossSettings {
  readonly uri: string;
  readonly queue: string;
  /** One job of a key at a time, in order: the policy `key_strict_fifo`. */
  readonly fifo: boolean;
  /** Wake workers by NOTIFY out of the inserting transaction. */
  readonly notify: boolean;
}

const programs = join(import.meta.dirname, '..', 'peers');

/** One database for both services: their rows and the jobs can commit together in no other way. */
export function pgBoss(
  name: string,
  options: { readonly fifo: boolean; readonly notify: boolean },
): Contender {
  return {
    name,
    ours: false,
    prepare: async (server, round) => {
      const database = `boss_${round}`;
      await server.sql('postgres', `CREATE DATABASE ${database} TEMPLATE template0`);
      await server.sql(database, `${BUSINESS_TABLE}; ${EFFECT_TABLE}`);
      const settings: BossSettings = {
        uri: databaseUri(server.adminUri, database),
        queue: 'parcels',
        ...options,
      };
      return {
        publisher: { file: join(programs, 'pg-boss-publisher.ts'), settings },
        subscriber: { file: join(programs, 'pg-boss-subscriber.ts'), settings },
        drop: () => server.drop([database]),
        effectDatabase: database,
        fill: async (backlog, rows) => {
          await server.sql(database, fillSql(backlog, rows));
          await server.sql(database, 'VACUUM ANALYZE pgboss.job');
        },
      };
    },
  };
}

function fillSql(backlog: Exclude<Backlog, 'none'>, rows: number): string {
  const insert = (queue: string, data: string, state: string, startAfter: string) => `
    INSERT INTO pgboss.job (name, data, state, start_after, retry_limit, expire_seconds, policy)
    SELECT '${queue}', ${data}, '${state}', ${startAfter}, 2, 900, 'standard' FROM generate_series(0, ${rows} - 1) AS n`;
  const filler = "jsonb_build_object('note', repeat('x', 400))";
  const parcel = `jsonb_build_object('n', n, 'key', 'order-' || n % ${KEYS}, 'note', '${NOTE}')`;
  switch (backlog) {
    case 'other-queue':
      return `SELECT pgboss.create_queue('away', '{"policy": "standard"}'); ${insert('away', filler, 'created', 'now()')}`;
    case 'same-queue-waiting':
      return insert('parcels', filler, 'retry', "now() + interval '1 hour'");
    case 'ready':
      return insert('parcels', parcel, 'created', 'now()');
  }
}
