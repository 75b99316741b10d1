import { type Clock, type Loop, startLoop, uuidv7 } from '@flotilla/kernel';
import type { Logger } from '@flotilla/telemetry';
import type { Channel, ChannelModel, ConsumeMessage } from 'amqplib';
import type { Watch, WatchOptions } from '../../transport.ts';
import type { BrokerConnection } from '../connection/broker-connection.ts';
import { declareTopology } from '../topology/declare.ts';
import { NOTICES, topologyOfNotices } from '../topology/topology.ts';
import { readDelivery } from '../wire.ts';

export interface NoticesDeps {
  readonly connection: BrokerConnection;
  readonly waitMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

const PREFETCH = 100;
/** A connection that broke is noticed at once; this is for whatever else might end a consumption. */
const CHECK_MS = 5_000;
/** Sent behind everything that was there when the reading began. */
const MARK = 'flotilla.notices-mark';
/** The clock of the broker stamps what it stores: that of this process may be another. */
const CLOCK_MARGIN_SECONDS = 60;

/** Reads the stream of notices from a time on, again after each loss of the connection. */
export function watchNotices(
  { connection, waitMs, clock, logger }: NoticesDeps,
  options: WatchOptions,
): Watch {
  const { types, sinceSeconds, onNotice } = options;
  const { promise: caughtUp, resolve } = Promise.withResolvers<void>();
  let channel: Channel | undefined;
  let readAtMs = clock.now().getTime() - sinceSeconds * 1_000;

  function take(message: ConsumeMessage, mark: string, from: Channel): void {
    from.ack(message);
    if (message.properties.type === MARK) {
      if (message.properties.messageId === mark) resolve();
      return;
    }
    const { type, key, body, messageId, enqueuedAt } = readDelivery(message);
    readAtMs = Math.max(readAtMs, enqueuedAt.getTime());
    if (types.includes(type)) onNotice({ id: messageId ?? uuidv7(), type, key, body, enqueuedAt });
  }

  async function open(model: ChannelModel): Promise<void> {
    await declareTopology(model, topologyOfNotices(types));
    const opened = await model.createChannel();
    const forget = () => {
      if (channel === opened) channel = undefined;
      loop.wake();
    };
    opened.on('error', (error) =>
      logger.warn({ err: error }, 'the broker closed the channel of the notices'),
    );
    opened.on('close', forget);
    channel = opened;
    const mark = uuidv7();
    await opened.prefetch(PREFETCH);
    const since = Math.floor(readAtMs / 1_000) - CLOCK_MARGIN_SECONDS;
    await opened.consume(NOTICES, (message) => (message === null ? forget() : take(message, mark, opened)), {
      arguments: { 'x-stream-offset': { '!': 'timestamp', value: Math.max(0, since) } },
    });
    opened.sendToQueue(NOTICES, Buffer.alloc(0), { type: MARK, messageId: mark });
  }

  const loop: Loop = startLoop({
    ...{ name: 'notices', clock, logger, intervalMs: CHECK_MS },
    run: async () => {
      if (channel === undefined) await open(await connection.open(waitMs));
      return false;
    },
  });
  const stopListening = connection.onChange(() => loop.wake());
  return {
    caughtUp,
    close: async () => {
      stopListening();
      await loop.stop();
      channel?.close().catch(() => undefined);
    },
  };
}
