import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { ClientRecord } from '../../chaos/invariant.ts';
import { assertSound } from './assert-sound.ts';
import { placeOrders, seededRandom } from './order-load.ts';
import {
  killAndAwaitReturn,
  ORDER_FLOWS,
  type OrderFlow,
  type RunningSystem,
  startSystem,
} from './running-system.ts';

const ORDERS = 150;
const CLIENTS = 12;
const SEED = Number(process.env['SURVIVAL_SEED'] ?? Date.now() % 1_000_000);

/** Everything that can be killed, each once, in random order. */
const VICTIMS = [
  'order',
  'inventory',
  'payment',
  'payment-provider',
  'shipping',
  'identity',
  'cart',
  'notification',
  'gateway',
  'postgres',
];

const survival = (flow: OrderFlow) => () => {
  let system: RunningSystem;
  before(async () => {
    system = await startSystem({ env: { ORDER_FLOW: flow } });
  });
  after(() => system?.stop());

  it('ends every accepted order and keeps every invariant while each process is killed once', async (t) => {
    const random = seededRandom(SEED);
    await Promise.all(['alice', 'bob', 'carol'].map((user) => system.token(user)));
    let killing = true;
    const load = placeOrders(system, {
      clients: CLIENTS,
      atLeast: ORDERS,
      goOn: () => killing,
      random: seededRandom(SEED + 1),
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

for (const flow of ORDER_FLOWS)
  describe(`orders by ${flow} survive kills (SURVIVAL_SEED=${SEED})`, { timeout: 280_000 }, survival(flow));

function summarize(records: readonly ClientRecord[]): string {
  const count = (status: number): number =>
    records.filter((record) => record.answers[0]?.status === status).length;
  return `${records.length} orders: ${count(201)} confirmed, ${count(202)} accepted, ${count(422)} refused in the first definite answer`;
}
