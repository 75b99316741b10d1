import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { eventually } from '@flotilla/kernel/testing';
import {
  createTestVhost,
  evalOnBroker,
  skipWithoutRabbitmq,
  type TestVhost,
} from '@flotilla/messaging/rabbitmq/testing';
import { assertSound } from './assert-sound.ts';
import { placeOrders, seededRandom } from './order-load.ts';
import { insistOnOrder, killAndAwaitReturn, type RunningSystem, startSystem } from './running-system.ts';

const SEED = Number(process.env['SURVIVAL_SEED'] ?? Date.now() % 1_000_000);
const ORDERS = 80;

/** Short: ordering and survival run on the PostgreSQL bus, and on this one when RABBITMQ_URL is set for them. */
describe(`the shop on RabbitMQ (SURVIVAL_SEED=${SEED})`, {
  skip: skipWithoutRabbitmq(),
  timeout: 600_000,
}, () => {
  let vhost: TestVhost | undefined;
  let system: RunningSystem;
  before(async () => {
    vhost = await createTestVhost();
    system = await startSystem({ env: { RABBITMQ_URL: vhost.url } });
  });
  after(async () => {
    await system?.stop();
    await vhost?.close();
  });

  it('tells the customer how the order ended, over RabbitMQ alone', async () => {
    const confirmed = await insistOnOrder(system);
    assert.equal(confirmed.status, 201, JSON.stringify(confirmed.body));
    const refused = await insistOnOrder(system, { payment: 'tok_declined' });
    assert.equal(refused.status, 422, JSON.stringify(refused.body));
    for (const orderId of [confirmed.body.id, refused.body.orderId]) {
      await eventually('the mail', async () => {
        const mails = await system.sql(
          'notification',
          `SELECT 1 FROM mail WHERE subject ~ '${orderId} (is confirmed|was cancelled)'`,
        );
        return mails.length === 1;
      });
    }
    assert.deepEqual(await system.sql('bus', 'SELECT 1 FROM bus.queue'), []);
  });

  it('keeps every invariant while its processes are killed and its connections cut', async (t) => {
    const random = seededRandom(SEED);
    let breaking = true;
    const load = placeOrders(system, {
      clients: 6,
      pauseMs: 1_500,
      atLeast: ORDERS,
      goOn: () => breaking,
      random: seededRandom(SEED + 1),
    });
    try {
      for (const victim of ['order', 'broker', 'notification', 'cart', 'broker', 'postgres', 'order']) {
        await delay(200 + random() * 800);
        if (victim === 'broker') await cutConnections(vhost?.name ?? '');
        else await killAndAwaitReturn(system, victim);
      }
    } finally {
      breaking = false;
    }
    const records = await load;
    t.diagnostic(`${records.length} orders`);
    assert.ok(records.length >= ORDERS);
    await assertSound(system, records);
  });

  it('leaves nothing on the broker when it is reset', async () => {
    assert.match(
      await system.cli('down', '--reset', '--yes'),
      /^ {2}on amqp:\S+ \d+ queues with \d+ messages/m,
    );
    const names = '[binary_to_list(element(4, element(2, X))) || X <- ';
    const [queues, exchanges] = await Promise.all(
      ['rabbit_amqqueue', 'rabbit_exchange'].map((kind) =>
        evalOnBroker(`${names}${kind}:list(<<"${vhost?.name}">>)].`),
      ),
    );
    assert.equal(queues?.trim(), '[]');
    const ours = [...(exchanges ?? '').matchAll(/"([^"]+)"/g)].filter(
      ([, name]) => !name?.startsWith('amq.'),
    );
    assert.deepEqual(ours, []);
  });
});

async function cutConnections(vhost: string): Promise<void> {
  await evalOnBroker(
    `[exit(Pid, kill) || [{pid, Pid}, {vhost, V}] <- rabbit_networking:connection_info_all([pid, vhost]), V =:= <<"${vhost}">>].`,
  );
}
