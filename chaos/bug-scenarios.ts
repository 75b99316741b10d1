import { randomUUID } from 'node:crypto';
import { uuidv7 } from '@flotilla/kernel';
import { eventually } from '@flotilla/kernel/testing';
import { createDatabase } from '@flotilla/postgres';
import type { OrderWish } from '../demos/shop-client.ts';
import { PATIENCE_MS, placeOrder, type RunningSystem } from '../test/system/running-system.ts';
import type { ClientRecord } from './invariant.ts';
import { connectInventory } from './inventory-client.ts';

/** Something that happens to a running system; resolves with what its clients were answered. */
export type Scenario = (system: RunningSystem) => Promise<readonly ClientRecord[]>;

/** One order that can be sold. */
export const sold: Scenario = (system) => order(system, {});

/** One order that is charged and has to be given back, because nobody ships there. */
export const refusedShipment: Scenario = (system) => order(system, { country: 'XX' });

const DEFINITE = [201, 202, 422];

/** The client insists until it has an answer, or hears twice that the order has not ended: with a bug it may never. */
async function order(system: RunningSystem, wish: OrderWish): Promise<readonly ClientRecord[]> {
  const key = randomUUID();
  let unended = 0;
  const { status, body } = await eventually(
    'there is an answer',
    async () => {
      const answer = await placeOrder(system, { ...wish, key, waitSeconds: 3 });
      if (answer.status === 409) unended += 1;
      return (DEFINITE.includes(answer.status) || unended === 2) && answer;
    },
    PATIENCE_MS,
    200,
  );
  if (!DEFINITE.includes(status)) return [];
  return [{ key, answers: [{ status, orderId: String(body.id ?? body.orderId) }] }];
}

/** A client that asks for a new order whenever it gets no answer, and never again for the same. */
export const placedOnce: Scenario = (system) =>
  eventually(
    'an order is accepted',
    async () => {
      const key = randomUUID();
      const { status, body } = await placeOrder(system, { key, waitSeconds: 0 });
      return status === 202 && [{ key, answers: [{ status, orderId: String(body.id) }] }];
    },
    PATIENCE_MS,
    100,
  );

/** Somebody who signs up with another address whenever it does not work. */
export const signedUpOnce: Scenario = async (system) => {
  await eventually(
    'somebody is signed up',
    async () => {
      const body = { email: `${randomUUID()}@example.com`, password: randomUUID(), name: 'Dora' };
      return (await system.call('POST', '/users', { body })).status === 201;
    },
    PATIENCE_MS,
    100,
  );
  return [];
};

/** A transaction that takes ids of the outbox in every shard, and commits when later ones were sent already. */
export const lateCommit: Scenario = async (system) => {
  const uri = await system.databaseUri('order');
  const db = createDatabase({ uri, applicationName: 'late', maxConnections: 1 });
  try {
    return await db.transaction(async (tx) => {
      await tx.query(
        `INSERT INTO outbox (shard, message_id, key, type, envelope)
         SELECT shard, gen_random_uuid(), 'late', 'test.late.v1', '{}' FROM generate_series(0, 15) AS shard`,
      );
      const records = await sold(system);
      await eventually(
        'the later ones were sent',
        async () => (await system.sql('order', 'SELECT FROM outbox')).length === 0,
        PATIENCE_MS,
        100,
      );
      return records;
    });
  } finally {
    await db.close();
  }
};

/** The mails cannot be written until the message about an order has come and failed. */
export const mailsAreAway: Scenario = async (system) => {
  await system.sql('notification', 'ALTER TABLE mail RENAME TO mail_away');
  try {
    const records = await sold(system);
    await eventually(
      'the messages came to the queue, and were taken from it',
      async () =>
        (await system.sql('order', 'SELECT FROM outbox')).length === 0 &&
        (await system.sql('bus', 'SELECT FROM bus.delivery')).length === 0,
      PATIENCE_MS,
      100,
    );
    return records;
  } finally {
    await system.sql('notification', 'ALTER TABLE mail_away RENAME TO mail');
  }
};

/**
 * A saga that somebody else takes over while its call is in flight: the payment waits behind a lock until both have
 * asked for it. Then both hear that it is paid.
 */
export const takenOver: Scenario = async (system) => {
  const uri = await system.databaseUri('payment');
  const db = createDatabase({ uri, applicationName: 'busy', maxConnections: 1 });
  try {
    const { key, id } = await db.transaction(async (tx) => {
      await tx.query('LOCK TABLE payment IN SHARE ROW EXCLUSIVE MODE');
      const accepted = await place(system);
      await eventually(
        'its saga is taken over while it pays',
        async () => {
          const [saga] = await system.sql(
            'order',
            `UPDATE saga_instance SET lease_until = now() - interval '1 s'
             WHERE id = '${accepted.id}' AND step = 'charge-payment' AND lease_epoch = 1 RETURNING id`,
          );
          const [heir] = await system.sql(
            'order',
            `SELECT FROM saga_instance WHERE id = '${accepted.id}' AND lease_epoch > 1`,
          );
          return saga === undefined && heir !== undefined;
        },
        PATIENCE_MS,
        50,
      );
      return accepted;
    });
    // Two that write one saga can hold it up for good; then the order without an end is what the checker sees.
    await eventually(
      'the order has ended',
      async () =>
        (await system.sql('order', `SELECT FROM order_view WHERE id = '${id}' AND status = 'Confirmed'`))[0],
      15_000,
      50,
    ).catch(() => undefined);
    return [{ key, answers: [{ status: 202, orderId: id }] }];
  } finally {
    await db.close();
  }
};

async function place(system: RunningSystem): Promise<{ readonly key: string; readonly id: string }> {
  const key = randomUUID();
  return await eventually(
    'an order is accepted',
    async () => {
      const { status, body } = await placeOrder(system, { key, waitSeconds: 0 });
      return status === 202 && { key, id: String(body.id) };
    },
    PATIENCE_MS,
    100,
  );
}

/** A reservation that the network delivers only after the release of its order, which was the first to be heard of. */
export const releasedFirst: Scenario = async (system) => {
  const inventory = await connectInventory(system);
  try {
    const orderId = uuidv7();
    await inventory.releaseStock({ orderId });
    await inventory.reserveStock({ orderId, lines: [{ productId: 'sku-0001', quantity: 1 }] });
    return [];
  } finally {
    inventory.close();
  }
};

/** Gives back every reservation that is left. */
export async function releaseAll(system: RunningSystem): Promise<void> {
  const inventory = await connectInventory(system);
  try {
    const held = await system.sql('inventory', "SELECT order_id FROM reservation WHERE status = 'held'");
    for (const { order_id: orderId } of held) await inventory.releaseStock({ orderId: String(orderId) });
  } finally {
    inventory.close();
  }
}
