import {
  type ConsumerOptions,
  createConsumer,
  createOutbox,
  createRelay,
  createTransport,
  type Handler,
  type Outbox,
} from '@flotilla/messaging';
import type { Database } from '@flotilla/postgres';
import { integer, optional, secret } from '@flotilla/process';
import type { ServiceContext } from './service.ts';

/** What `openBus` needs: `readEnvironment(env, { ...BUS_SETTINGS, … })`. */
export const BUS_SETTINGS = {
  BUS_URL: secret(),
  RABBITMQ_URL: optional(secret()),
  /** A queue with this many messages, or with one this old, is worth a warning. */
  QUEUE_WARN_MESSAGES: optional(integer({ min: 1 })),
  QUEUE_WARN_SECONDS: optional(integer({ min: 1 })),
};

interface BusConfig {
  readonly BUS_URL: string;
  readonly RABBITMQ_URL: string | undefined;
  readonly QUEUE_WARN_MESSAGES: number | undefined;
  readonly QUEUE_WARN_SECONDS: number | undefined;
}

export type ConsumeOptions = Omit<
  ConsumerOptions,
  'name' | 'db' | 'transport' | 'handlers' | 'logger' | 'metrics' | 'clock'
>;

/** A service's connection with the bus. What it opens is closed when the service ends, in reverse order. */
export interface ServiceBus {
  /** For a service that publishes: what commits to its outbox is sent. Its database has `outboxMigrations`. */
  openOutbox(): Outbox;
  /**
   * For a service that subscribes: each message is handled once, by one of any number of instances. Its database has
   * `inboxMigrations`. Call it last, when everything that a handler uses is there.
   */
  consume(handlers: readonly Handler[], options?: ConsumeOptions): Promise<void>;
}

/** Connects a service, whose messages and queue carry its name, with the bus that its configuration asks for. */
export async function openBus(service: ServiceContext<BusConfig>, db: Database): Promise<ServiceBus> {
  const { name, config, env, logger, metrics, clock, newId, defer } = service;
  const { BUS_URL: busUrl, RABBITMQ_URL: rabbitmqUrl } = config;
  const backlogLimits = { messages: config.QUEUE_WARN_MESSAGES, ageSeconds: config.QUEUE_WARN_SECONDS };
  const bus = { busUrl, rabbitmqUrl, backlogLimits };
  const transport = await createTransport({ name: env.instanceId, ...bus, logger, metrics });
  defer('message transport', () => transport.close());
  const watch = service.revocations.follow(transport);
  defer('revocations', () => watch.close());
  service.readyWhen('revocations', async () => {
    if (!service.revocations.isCaughtUp()) throw new Error('it is not known yet which tokens were revoked');
  });
  return {
    openOutbox: () => {
      const relay = createRelay({ db, transport, logger, metrics, clock });
      defer('outbox relay', () => relay.close());
      relay.start();
      return createOutbox({ source: name, clock, newId, onCommit: relay.nudge });
    },
    consume: async (handlers, options = {}) => {
      const consumer = createConsumer({ ...options, name, db, transport, handlers, logger, metrics, clock });
      defer('consumer', () => consumer.close());
      await consumer.start();
    },
  };
}
