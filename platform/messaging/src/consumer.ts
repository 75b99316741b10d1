import { type Clock, systemClock } from '@flotilla/kernel';
import type { Database } from '@flotilla/postgres';
import type { Logger, Metrics, RecordSpan } from '@flotilla/telemetry';
import type { Handler } from './handler.ts';
import { forgetOldMessages } from './inbox.ts';
import { type Loop, startLoop } from './loop.ts';
import { createMessageProcessor } from './message-processor.ts';
import type { Receiver, Transport } from './transport.ts';

export interface RetryOptions {
  /** Pause before each further attempt, spread by jitter. Default 100, 1,000, 5,000, 30,000 ms: 5 attempts. */
  readonly delaysMs?: readonly number[];
  /** Times the process may vanish while a message is in work before it is given up. Default 3. */
  readonly maxCrashes?: number;
}

export interface ConsumerOptions {
  /** The queue and the inbox key: `<service>` or `<service>.<purpose>`. Consumers with one name share its messages. */
  readonly name: string;
  readonly db: Database;
  readonly transport: Transport;
  /** One for each type, made by `on`. */
  readonly handlers: readonly Handler[];
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly clock?: Clock;
  readonly retry?: RetryOptions;
  /** A handler that takes longer has failed. Default 20,000 ms. */
  readonly handlerTimeoutMs?: number;
  /** Transactions at once. Default 4; keep it below the pool's size. */
  readonly concurrency?: number;
  /** Messages in one transaction at most, when many wait. Default 32; 1 for each in its own. */
  readonly maxBatch?: number;
  /** How long duplicates are recognised. Default 14 days: longer than any redelivery. */
  readonly inboxRetentionDays?: number;
  readonly recordSpan?: RecordSpan;
}

/**
 * Handles each message of its queue once: the handler's writes and the record that it ran commit in one transaction,
 * then the message is acknowledged. Messages of one key are handled in order, one after the other.
 */
export interface Consumer {
  /** Declares the queue and its subscriptions, then begins. Rejects when the transport cannot be reached. */
  start(): Promise<void>;
  /** Takes nothing new, waits for running handlers, gives the rest back. */
  close(): Promise<void>;
}

const CLEANUP_INTERVAL_MS = 3_600_000;

export function createConsumer(options: ConsumerOptions): Consumer {
  const { name, db, transport, clock = systemClock } = options;
  const logger = options.logger.child({ consumer: name });
  const handlers = new Map(options.handlers.map((handler) => [handler.type, handler]));
  if (handlers.size !== options.handlers.length) {
    throw new RangeError(`consumer ${name} has two handlers for one message type`);
  }
  const closing = new AbortController();
  let receiver: Receiver | undefined;
  let cleaner: Loop | undefined;

  const handle = createMessageProcessor({
    consumer: name,
    db,
    handlers,
    retryDelaysMs: options.retry?.delaysMs ?? [100, 1_000, 5_000, 30_000],
    maxCrashes: options.retry?.maxCrashes ?? 3,
    handlerTimeoutMs: options.handlerTimeoutMs ?? 20_000,
    logger,
    metrics: options.metrics,
    clock,
    closing: closing.signal,
    ...(options.recordSpan && { recordSpan: options.recordSpan }),
  });

  return {
    start: async () => {
      if (receiver) return;
      await transport.subscribe(name, [...handlers.keys()]);
      if (closing.signal.aborted) return;
      receiver = transport.receive(name, {
        handle,
        concurrency: options.concurrency ?? 4,
        maxBatch: options.maxBatch ?? 32,
      });
      cleaner = startLoop({
        name: 'inbox-cleanup',
        run: () => forgetOldMessages(db, name, options.inboxRetentionDays ?? 14),
        intervalMs: CLEANUP_INTERVAL_MS,
        clock,
        logger,
      });
    },
    close: async () => {
      closing.abort();
      await Promise.all([receiver?.close(), cleaner?.stop()]);
    },
  };
}
