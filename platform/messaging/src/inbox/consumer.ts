import { type Clock, createLock, type Loop, pause, startLoop, systemClock } from '@flotilla/kernel';
import type { Database } from '@flotilla/postgres';
import type { Logger, Metrics } from '@flotilla/telemetry';
import type { Receiver, Transport } from '../transport.ts';
import type { Handler, RetryOptions } from './handler.ts';
import { createHeldMessages } from './held-messages.ts';
import { type HeldRunner, startHeldRunner } from './held-runner.ts';
import { forgetOldMessages } from './inbox.ts';
import { inboxMetrics } from './inbox-metrics.ts';
import { createMessageProcessor } from './message-processor.ts';
import { createSettling } from './settling.ts';
import { createDecoder } from './task.ts';
import { createTaskRunner } from './task-runner.ts';

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
  /** For subscriptions that do not say otherwise. */
  readonly retry?: RetryOptions;
  /** A handler that takes longer has failed, unless its subscription says otherwise. Default 20,000 ms. */
  readonly handlerTimeoutMs?: number;
  /** Transactions at once, and as many more for held messages. Default 4; keep twice of it below the pool's size. */
  readonly concurrency?: number;
  /** Messages in one transaction at most, when many wait. Default 32; 1 for each in its own. */
  readonly maxBatch?: number;
  /** How often messages that wait for another attempt are looked at without a hint. Default 1,000 ms; up to twice as long while there are none. */
  readonly heldPollIntervalMs?: number;
  /**
   * How long a message whose type has no handler here waits for a process of the consumer that has one, and with it what
   * comes behind it in its key, before it becomes a dead letter. Default 600,000 ms.
   */
  readonly unknownTypeWaitMs?: number;
  /** How long duplicates are recognised. Default 14 days: longer than any redelivery. */
  readonly inboxRetentionDays?: number;
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
const METRICS_INTERVAL_MS = 5_000;

export function createConsumer(options: ConsumerOptions): Consumer {
  const { name, db, transport, clock = systemClock } = options;
  const logger = options.logger.child({ consumer: name });
  const handlers = new Map(options.handlers.map((handler) => [handler.type, handler]));
  if (handlers.size !== options.handlers.length) {
    throw new RangeError(`consumer ${name} has two handlers for one message type`);
  }
  const closing = new AbortController();
  const concurrency = options.concurrency ?? 4;
  const maxBatch = options.maxBatch ?? 32;
  let receiver: Receiver | undefined;
  let runner: HeldRunner | undefined;
  let loops: readonly Loop[] = [];

  const held = createHeldMessages(db, name, [...handlers.keys()]);
  const measures = inboxMetrics(options.metrics, name);
  const common = {
    ...{ consumer: name, db, held, logger, metrics: options.metrics, clock, concurrency, maxBatch },
    closing: closing.signal,
    lock: createLock(),
  };
  const work = {
    ...common,
    settling: createSettling({ ...common, onHeld: wakeLater }),
    runTask: createTaskRunner(common),
    decode: createDecoder({
      consumer: name,
      handlers,
      retryDelaysMs: options.retry?.delaysMs ?? [100, 1_000, 5_000, 30_000],
      maxCrashes: options.retry?.maxCrashes ?? 3,
      handlerTimeoutMs: options.handlerTimeoutMs ?? 20_000,
    }),
  };
  const handle = createMessageProcessor({ ...work, onDue: () => runner?.wake() });

  /** Polling would find it too, up to one interval late. */
  function wakeLater(delayMs: number): void {
    void pause(clock, delayMs, closing.signal).then(() => runner?.wake());
  }

  return {
    start: async () => {
      if (receiver) return;
      await transport.subscribe(name, [...handlers.keys()]);
      if (closing.signal.aborted) return;
      const pollIntervalMs = options.heldPollIntervalMs ?? 1_000;
      const unknownTypeWaitMs = options.unknownTypeWaitMs ?? 600_000;
      runner = startHeldRunner({ ...work, pollIntervalMs, unknownTypeWaitMs });
      receiver = transport.receive(name, { handle, concurrency, maxBatch });
      const forget = () => forgetOldMessages(db, name, options.inboxRetentionDays ?? 14);
      const observe = async () => {
        measures.observe(await held.statistics());
        // It may be what another process held, which has ended since.
        if (held.mayBeSome()) runner?.wake();
        return false;
      };
      loops = [
        startLoop({ ...common, name: 'inbox-cleanup', run: forget, intervalMs: CLEANUP_INTERVAL_MS }),
        startLoop({ ...common, name: 'inbox-metrics', run: observe, intervalMs: METRICS_INTERVAL_MS }),
      ];
    },
    close: async () => {
      closing.abort();
      await Promise.all([receiver?.close(), runner?.stop(), ...loops.map((loop) => loop.stop())]);
    },
  };
}
