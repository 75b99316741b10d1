import assert from 'node:assert/strict';
import { before, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { ClientRecord } from '../../chaos/invariant.ts';
import { assertSound } from './assert-sound.ts';
import { placeOrders, seededRandom } from './order-load.ts';
import { killAndAwaitReturn, type RunningSystem } from './running-system.ts';

const ORDERS = 80;
const CLIENTS = 6;
export const SURVIVAL_SEED: number = Number(process.env['SURVIVAL_SEED'] ?? Date.now() % 1_000_000);

/** Everything that can be killed, each once, in random order. */
const VICTIMS = [
  'order',
  'inventory',
  'pricing',
  'payment',
  'payment-provider',
  'shipping',
  'identity',
  'cart',
  'notification',
  'user',
  'recommendation',
  'gateway',
  'postgres',
];

export const survival = (running: () => RunningSystem) => (): void => {
  let system: RunningSystem;
  before(() => {
    system = running();
  });

  it('ends every accepted order and keeps every invariant while each process is killed once', async (t) => {
    const random = seededRandom(SURVIVAL_SEED);
    await Promise.all(['alice', 'bob', 'carol'].map((user) => system.token(user)));
    let killing = true;
    const load = placeOrders(system, {
      clients: CLIENTS,
      pauseMs: 1_500,
      atLeast: ORDERS,
      goOn: () => killing,
      random: seededRandom(SURVIVAL_SEED + 1),
    });
    const victims = [...VICTIMS].sort(() => random() - 0.5);
    try {
      for (const victim of victims) {
        await delay(200 + random() * 800);
        await killAndAwaitReturn(system, victim);
      }
    } finally {
      killing = false;
    }
    const records = await load;
    t.diagnostic(`killed ${victims.join(', ')}; ${summarize(records)}`);
    assert.ok(records.length >= ORDERS);
    await assertSound(system, records);
  });
};

function summarize(records: readonly ClientRecord[]): string {
  const count = (status: number): number =>
    records.filter((record) => record.answers[0]?.status === status).length;
  return `${records.length} orders: ${count(201)} confirmed, ${count(202)} accepted, ${count(422)} refused in the first definite answer`;
}
