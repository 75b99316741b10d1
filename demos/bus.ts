import { randomUUID } from 'node:crypto';
import type { Stage } from '@flotilla/cli';
import type { Shop } from './shop.ts';

/** Why a demo that puts a message on the bus by hand is not possible here. */
export async function needsOwnBus(stage: Stage): Promise<string | undefined> {
  const { url } = await stage.control.broker();
  return url === null ? undefined : 'messages go over RabbitMQ here; start the shop without RABBITMQ_URL';
}

interface Sent {
  /** The service in whose name: the bus knows it by its role, and some handlers hear one service alone. */
  readonly from: string;
  readonly type: string;
  readonly key: string;
  readonly data: unknown;
  readonly id?: string;
  /** Default 1. */
  readonly times?: number;
}

/** As the relay of a service hands it to the bus. Resolves with the id of the message. */
export async function publish(
  shop: Shop,
  { from, type, key, data, id = randomUUID(), times = 1 }: Sent,
): Promise<string> {
  const time = new Date().toISOString();
  const body = JSON.stringify({ specversion: '1.0', id, type, source: from, time, data });
  for (let n = 0; n < times; n += 1)
    await shop.busAs(
      from,
      'SELECT bus.publish(ARRAY[$1], ARRAY[$2], ARRAY[0]::smallint[], ARRAY[$3], ARRAY[false])',
      [type, key, body],
    );
  return id;
}
