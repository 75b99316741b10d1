import { randomUUID } from 'node:crypto';
import { eventually } from '@flotilla/kernel/testing';
import { insist, placeOrders, seededRandom } from '../test/system/order-load.ts';
import { type OrderWish, placeOrder, type RunningSystem } from '../test/system/running-system.ts';
import type { ClientRecord } from './invariant.ts';

/** Something that happens to a running system; resolves with what its clients were answered. */
export type Scenario = (system: RunningSystem) => Promise<readonly ClientRecord[]>;

/** One order that can be sold. The client insists, but does not wait for long: with a bug it may never end. */
export const sold: Scenario = (system) => order(system, {});

/** One order that is charged and has to be given back, because nobody ships there. */
export const refusedShipment: Scenario = (system) => order(system, { country: 'XX' });

async function order(system: RunningSystem, wish: OrderWish): Promise<readonly ClientRecord[]> {
  const asked = { ...wish, key: randomUUID(), user: 'alice', waitSeconds: 3 };
  return [await insist(system, asked, seededRandom(1))];
}

/** A client that asks once and takes the first answer, if there is one. */
export const placedOnce: Scenario = async (system) => {
  const key = randomUUID();
  const answer = await placeOrder(system, { key, waitSeconds: 0 }).catch(() => undefined);
  if (answer?.status !== 202) return [];
  return [{ key, answers: [{ status: 202, orderId: String(answer.body.id) }] }];
};

/** Somebody who signs up once and does not come back. */
export const signedUpOnce: Scenario = async (system) => {
  const body = { email: `${randomUUID()}@example.com`, password: randomUUID(), name: 'Dora' };
  await system.call('POST', '/users', { body }).catch(() => undefined);
  return [];
};

/** Enough at once that some transaction commits after one that began later. */
export const buyersAtOnce: Scenario = (system) =>
  placeOrders(system, { clients: 16, atLeast: 80, goOn: () => false, random: seededRandom(2) });

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
