import type { Logger, Metrics } from '@flotilla/telemetry';
import type { ChannelModel } from 'amqplib';
import { lookAt } from './backlog.ts';
import type { Part } from './part.ts';

export interface ServiceWatchOptions {
  readonly queue: string;
  readonly metrics: Metrics;
  readonly logger: Logger;
}

/** Notices queues of the broker that are there and do nothing: that of a node that is gone, or whose process has ended. */
export interface ServiceWatch {
  /** `holders`: parts of which something is in work. Two looks that agree count: between them a channel may be opened anew. */
  look(model: ChannelModel, parts: readonly Part[], holders: ReadonlySet<Part>): Promise<void>;
  /** Nobody looks any more. */
  end(): void;
}

export function createServiceWatch({ queue, metrics, logger }: ServiceWatchOptions): ServiceWatch {
  const gauge = metrics.gauge(
    'messaging_rabbitmq_unserved',
    'Queues of a consumer, of its shards and dead letters, that the broker has not served for 20 to 40 s.',
    ['queue'],
    '{queue}',
  );
  let suspects: ReadonlySet<Part> = new Set();
  let shown = 0;

  function show(unserved: readonly Part[]): void {
    gauge.set(unserved.length, { queue });
    if (unserved.length > 0 && shown === 0)
      logger.warn({ sources: unserved.map(({ source }) => source) }, UNSERVED);
    if (unserved.length === 0 && shown > 0) logger.info({}, 'the broker serves the queues again');
    shown = unserved.length;
  }

  return {
    look: async (model, parts, holders) => {
      const found = await Promise.all(
        parts.map(async (part) => holders.has(part) || (await isServed(model, part))),
      );
      const silent = parts.filter((_part, index) => found[index] === false);
      show(silent.filter((part) => suspects.has(part)));
      suspects = new Set(silent);
    },
    end: () => gauge.set(0, { queue }),
  };
}

const UNSERVED = 'the broker does not serve queues: what is in them waits until it does';

/** The broker answers for a queue whose process is gone as for one that is empty and has no consumers, although we are one. */
async function isServed(model: ChannelModel, { source, live, wasHeard }: Part): Promise<boolean> {
  if (live === undefined) return false;
  if (wasHeard) return true;
  const found = await lookAt(model, source);
  // Of several processes another one may be the active one, and busy.
  return found !== undefined && found.consumerCount > (found.messageCount > 0 ? 1 : 0);
}
