import { createPostgresTransport, type PostgresTransportOptions, type Transport } from '@flotilla/messaging';

export interface OurSettings {
  readonly serviceUri: string;
  readonly busUri: string;
  readonly queue: string;
}

export function openTransport(
  { busUri }: OurSettings,
  base: Pick<PostgresTransportOptions, 'logger' | 'metrics'>,
): Transport {
  return createPostgresTransport({ uri: busUri, ...base });
}
