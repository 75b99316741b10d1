import { backoffMs, type Clock, crashPoint, pause, toError } from '@flotilla/kernel';
import type { Logger } from '@flotilla/telemetry';
import type { Delivery } from '../transport.ts';

export interface AcknowledgerOptions<D extends Delivery> {
  readonly source: {
    /** Makes the queue forget them. */
    ack(deliveries: readonly D[]): Promise<void>;
  };
  /** The queue has forgotten these, or nobody tries any longer. */
  readonly onAcknowledged: (deliveries: readonly D[]) => void;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Ends further tries. */
  readonly closing: AbortSignal;
}

/** Acknowledges what was handled, one batch after the other: what comes meanwhile goes together with the next. */
export interface Acknowledger<D extends Delivery> {
  add(handled: readonly D[]): void;
  /** Resolves when nothing is on its way. */
  settled(): Promise<void>;
}

export function createAcknowledger<D extends Delivery>(options: AcknowledgerOptions<D>): Acknowledger<D> {
  const { source, onAcknowledged, clock, logger, closing } = options;
  let handled: D[] = [];
  let running: Promise<void> | undefined;

  async function run(): Promise<void> {
    while (handled.length > 0) {
      const batch = handled;
      handled = [];
      await acknowledgeUntilStored(batch);
      crashPoint('consumer.after-ack');
      onAcknowledged(batch);
    }
    running = undefined;
  }

  /** Until it is stored, or we stop: then the lease ends, it is handed out again, and the inbox knows it. */
  async function acknowledgeUntilStored(batch: readonly D[]): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await source.ack(batch);
        return;
      } catch (error) {
        logger.warn({ err: toError(error), attempt }, 'handled messages could not be acknowledged');
        if (closing.aborted) return;
        await pause(clock, backoffMs(attempt, 100, 2_000), closing);
      }
    }
  }

  return {
    add: (batch) => {
      handled.push(...batch);
      if (handled.length > 0) running ??= run();
    },
    settled: async () => running,
  };
}
