import { join } from 'node:path';
import { databaseUri } from '@flotilla/postgres';
import type { Contender } from './contender.ts';
import { BUSINESS_TABLE, EFFECT_TABLE } from './traffic.ts';

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

function fillSql(backlog: 'other-queue' | 'same-queue-waiting', rows: number): string {
  const queue = backlog === 'other-queue' ? 'away' : 'parcels';
  const startAfter = backlog === 'other-queue' ? 'now()' : "now() + interval '1 hour'";
  const state = backlog === 'other-queue' ? 'created' : 'retry';
  return `
    ${backlog === 'other-queue' ? 'SELECT pgboss.create_queue(\'away\', \'{"policy": "standard"}\');' : ''}
    INSERT INTO pgboss.job (name, data, state, start_after, retry_limit, expire_seconds, policy)
    SELECT '${queue}', jsonb_build_object('note', repeat('x', 400)), '${state}', ${startAfter}, 2, 900, 'standard'
    FROM generate_series(1, ${rows})`;
}
