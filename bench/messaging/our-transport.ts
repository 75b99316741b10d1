import { createPostgresTransport, type PostgresTransportOptions, type Transport } from '@flotilla/messaging';
import { createRabbitmqTransport } from '@flotilla/messaging/rabbitmq';

export interface OurSettings {
  readonly serviceUri: string;
  /** `postgres://…` or `amqp://…` */
  readonly busUri: string;
  readonly queue: string;
}

export function openTransport(
  { busUri }: OurSettings,
  base: Pick<PostgresTransportOptions, 'logger' | 'metrics'>,
): Transport {
  return busUri.startsWith('amqp:')
    ? createRabbitmqTransport({ url: busUri, ...base })
    : createPostgresTransport({ uri: busUri, ...base });
}
