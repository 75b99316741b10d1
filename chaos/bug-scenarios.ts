import { randomUUID } from 'node:crypto';
import { eventually } from '@flotilla/kernel/testing';
import { createDatabase } from '@flotilla/postgres';
import { type OrderWish, placeOrder, type RunningSystem } from '../test/system/running-system.ts';
import type { ClientRecord } from './invariant.ts';

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
    60_000,
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
    60_000,
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
    60_000,
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
        20_000,
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
      'the messages were taken from the queue',
      async () => (await system.sql('bus', 'SELECT FROM bus.delivery')).length === 0,
      30_000,
      100,
    );
    return records;
  } finally {
    await system.sql('notification', 'ALTER TABLE mail_away RENAME TO mail');
  }
};
