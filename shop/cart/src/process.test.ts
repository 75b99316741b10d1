import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { register } from '@flotilla/discovery';
import { type Registry, startRegistry } from '@flotilla/discovery/registry';
import { created, createHttpHost, handle, ok } from '@flotilla/http';
import { busMigrations } from '@flotilla/messaging';
import { createTestDatabase, type TestDatabase } from '@flotilla/postgres/testing';
import { type ServiceProcess, startServiceProcess } from '@flotilla/service/testing';
import { createMetrics, silentLogger } from '@flotilla/telemetry';
import { getJwks, issueServiceToken } from '@shop/contracts';
import { type CartRig, checkoutBody, orderOf, startCart } from './testing.ts';

/** The real process between fakes, killed between two effects; a second one takes up what it left. */
describe('the cart process', () => {
  let rig: CartRig;
  let bus: TestDatabase;
  let registry: Registry;
  const cleanUp: (() => Promise<void>)[] = [];
  before(async () => {
    rig = await startCart();
    bus = await createTestDatabase([busMigrations]);
    registry = await startRegistry({ host: '127.0.0.1', port: 0 });
    const jwks = rig.issuer.jwks.keys.map((key) => ({ ...key }));
    const identity = createHttpHost({
      service: 'identity',
      handlers: [
        handle(getJwks, async () => ok({ keys: jwks })),
        handle(issueServiceToken, async ({ body: { clientId, scope } }) => {
          const claims = { sub: clientId, client_id: clientId, scope };
          return ok({ accessToken: await rig.issuer.sign(claims), expiresIn: 300 });
        }),
      ],
      logger: silentLogger,
      metrics: createMetrics(),
      readiness: {},
    });
    const { port } = await identity.listen();
    cleanUp.push(() => identity.close());
    await announce('identity', port);
    await announce('order', Number(rig.order.address.split(':')[1]));
  });
  after(async () => {
    for (const work of cleanUp.reverse()) await work();
    await registry.close();
    await bus.close();
    await rig.close();
  });

  async function announce(service: string, port: number): Promise<void> {
    const { url } = registry;
    const instance = { url, service, id: `${service}-1`, host: '127.0.0.1', port, logger: silentLogger };
    const { deregister } = await register(instance);
    cleanUp.push(deregister);
  }

  async function start(crashPoint = ''): Promise<ServiceProcess> {
    const started = await startServiceProcess(join(import.meta.dirname, 'main.ts'), {
      DATABASE_URL: rig.uri,
      BUS_URL: bus.uri,
      REGISTRY_URL: registry.url,
      ISSUER: rig.issuer.issuer,
      SERVICE_SECRET: 'of the cart',
      FLOTILLA_CRASH_POINT: crashPoint,
    });
    cleanUp.push(async () => void started.child.kill('SIGKILL'));
    return started;
  }

  async function checkOut(url: string, customerId: string, key: string = 'key-1'): Promise<Response> {
    const token = await rig.issuer.sign({ sub: customerId, permissions: ['orders.write'] });
    return await fetch(`${url}/cart/checkout`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        'idempotency-key': key,
      },
      body: JSON.stringify(checkoutBody),
    });
  }

  for (const [point, ordersBefore] of [
    ['cart.after-checkout-recorded', 0],
    ['cart.after-order-answered', 1],
  ] as const)
    it(`at ${point} orders the same when the customer tries again`, async () => {
      const customer = await rig.customer(point);
      await customer('PUT', '/cart/items/sku-1', { quantity: 2 });
      rig.received.length = 0;

      const { url, ended } = await start(point);
      await assert.rejects(checkOut(url, point));
      assert.equal(await ended(), 'SIGKILL');
      assert.equal(rig.received.length, ordersBefore);

      await customer('PUT', '/cart/items/sku-2', { quantity: 7 });
      const second = await start();
      assert.equal((await checkOut(second.url, point)).status, 202);
      for (const { key, body } of rig.received) {
        assert.equal(key, 'key-1');
        assert.deepEqual(body.items, [{ productId: 'sku-1', quantity: 2 }]);
      }
      second.child.kill('SIGTERM');
      assert.equal(await second.ended(), 0);
    });

  for (const point of ['cart.after-order-answered', 'cart.after-answer-noted'])
    it(`at ${point} tells nobody "confirmed" whose cart is full, whatever key they try again with`, async () => {
      const id = `${point} confirmed`;
      const customer = await rig.customer(id);
      await customer('PUT', '/cart/items/sku-1', { quantity: 2 });
      rig.received.length = 0;
      const { answer } = rig.script;
      rig.script.answer = async () => created(orderOf('order-1', 'Confirmed', { 'sku-1': 2 }));
      const { url, ended } = await start(point);
      await assert.rejects(checkOut(url, id));
      assert.equal(await ended(), 'SIGKILL');

      const second = await start();
      // Nobody may take over before the request that died could have been answered.
      const early = await checkOut(second.url, id, 'key-2');
      assert.ok(early.status === 409 || early.status === 422, String(early.status));
      assert.equal((await checkOut(second.url, id)).status, 201);
      assert.deepEqual((await customer('GET', '/cart')).body['items'], []);
      assert.equal((await checkOut(second.url, id, 'key-2')).status, 422);
      assert.deepEqual([...new Set(rig.received.map(({ key }) => key))], ['key-1']);
      rig.script.answer = answer;
      second.child.kill('SIGTERM');
      assert.equal(await second.ended(), 0);
    });
});
