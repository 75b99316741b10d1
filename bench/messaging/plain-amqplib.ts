import { join } from 'node:path';
import { databaseUri } from '@flotilla/postgres';
import type { Broker } from '../rabbitmq.ts';
import type { Contender } from './contender.ts';
import { BUSINESS_TABLE, EFFECT_TABLE } from './traffic.ts';

export interface AmqplibSettings {
  readonly uri: string;
  readonly url: string;
  readonly queue: string;
}

const programs = join(import.meta.dirname, '..', 'peers');

/**
 * No outbox and no inbox: commit, then publish and await the confirm; effect, then acknowledge. A crash in between
 * loses or repeats.
 */
export function plainAmqplib(broker: Broker): Contender {
  return {
    name: 'amqplib alone',
    ours: false,
    prepare: async (server, round) => {
      const database = `amqplib_${round}`;
      const vhost = `bench-${process.pid}-${round}`;
      await server.sql('postgres', `CREATE DATABASE ${database} TEMPLATE template0`);
      await server.sql(database, `${BUSINESS_TABLE}; ${EFFECT_TABLE}`);
      const settings: AmqplibSettings = {
        uri: databaseUri(server.adminUri, database),
        url: await broker.vhost(vhost),
        queue: 'parcels',
      };
      return {
        publisher: { file: join(programs, 'amqplib-publisher.ts'), settings },
        subscriber: { file: join(programs, 'amqplib-subscriber.ts'), settings },
        brokerPid: broker.pid,
        effectDatabase: database,
        drop: async () => {
          await server.drop([database]);
          await broker.dropVhost(vhost);
        },
      };
    },
  };
}
