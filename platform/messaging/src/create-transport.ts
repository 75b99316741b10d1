import type { Logger, Metrics } from '@flotilla/telemetry';
import type { BacklogLimits } from './bus/backlog-watch.ts';
import { createPostgresTransport } from './bus/postgres-transport.ts';
import type { Transport } from './transport.ts';

export interface TransportOptions {
  /** Of the process: shown in RabbitMQ's list of connections, or in `pg_stat_activity` of the bus. */
  readonly name: string;
  /** The database `bus`, in the role of the service. */
  readonly busUrl: string;
  /** When given, RabbitMQ is the bus instead. */
  readonly rabbitmqUrl?: string | undefined;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** When a queue is worth a warning. */
  readonly backlogLimits?: BacklogLimits | undefined;
}

/** The bus that the configuration asks for. The client of RabbitMQ is loaded only when it is used. */
export async function createTransport(options: TransportOptions): Promise<Transport> {
  const { name, busUrl, rabbitmqUrl, ...common } = options;
  if (rabbitmqUrl === undefined)
    return createPostgresTransport({ uri: busUrl, applicationName: name, ...common });
  const { createRabbitmqTransport } = await import('./rabbitmq/rabbitmq-transport.ts');
  return createRabbitmqTransport({ url: rabbitmqUrl, clientName: name, ...common });
}
