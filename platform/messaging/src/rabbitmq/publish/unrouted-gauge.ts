import { type Clock, type Loop, startLoop } from '@flotilla/kernel';
import type { Logger, Metrics } from '@flotilla/telemetry';
import type { BrokerConnection } from '../connection/broker-connection.ts';
import { replyCode } from '../connection/reply-code.ts';
import { onOwnChannel } from '../topology/declare.ts';
import { UNROUTED } from '../topology/topology.ts';

const INTERVAL_MS = 15_000;

/** Asks the broker now and then how many events found no subscriber. */
export function watchUnrouted(
  connection: BrokerConnection,
  { metrics, clock, logger }: { readonly metrics: Metrics; readonly clock: Clock; readonly logger: Logger },
): Loop {
  const gauge = metrics.gauge(
    'messaging_rabbitmq_unrouted',
    'Events without a subscriber that are kept in the queue `unrouted`.',
    [],
    '{message}',
  );

  async function measure(): Promise<boolean> {
    const model = connection.current();
    if (model === undefined) return false;
    try {
      const { messageCount } = await onOwnChannel(model, (channel) => channel.checkQueue(UNROUTED));
      gauge.set(messageCount);
    } catch (error) {
      // Nothing was published yet, or we may not look.
      if (replyCode(error) !== 404 && replyCode(error) !== 403) throw error;
    }
    return false;
  }

  return startLoop({ name: 'rabbitmq-unrouted', run: measure, intervalMs: INTERVAL_MS, clock, logger });
}
