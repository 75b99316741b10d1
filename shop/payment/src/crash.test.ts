import assert from 'node:assert/strict';

import { randomUUID } from 'node:crypto';

import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { createRoundRobin, createStaticResolver, register } from '@flotilla/discovery';
import { type Registry, startRegistry } from '@flotilla/discovery/registry';
import { createHttpClient, createHttpHost, type HttpHost, handle, ok } from '@flotilla/http';
import { isPlatformError } from '@flotilla/kernel';
import { eventually } from '@flotilla/kernel/testing';
import { busMigrations } from '@flotilla/messaging';
import { createTestDatabase, type TestDatabase } from '@flotilla/postgres/testing';
import { type ServiceProcess, startServiceProcess } from '@flotilla/service/testing';
import { createMetrics, silentLogger } from '@flotilla/telemetry';
import { chargePayment, getJwks, refundPayment } from '@shop/contracts';
import { API_KEY } from '@shop/payment-provider/testing';
import { connectProvider, startTestPayment, type TestPayment } from './testing.ts';

/** Who is killed breaks its connections at once: nothing here waits for so long. */
const PATIENT_MS = 20_000;

/**
 * The real processes, killed between two effects. What they leave behind is taken up by the service that runs in
 * this process on the same databases.
 */
describe('a process that is killed', () => {
  let payment: TestPayment;
  let bus: TestDatabase;
  let registry: Registry;
  let identity: HttpHost;
  before(async () => {
    payment = await startTestPayment({ timeoutMs: PATIENT_MS });
    bus = await createTestDatabase([busMigrations]);
    registry = await startRegistry({ host: '127.0.0.1', port: 0 });
    identity = createHttpHost({
      service: 'identity',
      handlers: [
        handle(getJwks, async () => ok({ keys: payment.issuer.jwks.keys.map((key) => ({ ...key })) })),
      ],
      logger: silentLogger,
      metrics: createMetrics(),
      readiness: {},
    });
    const { port } = await identity.listen();
    await announce('identity', port);
    await announce('payment-provider', Number(payment.provider.address().split(':')[1]));
  });
  after(async () => {
    for (const { deregister } of announced) await deregister();
    await identity.close();
    await registry.close();
    await bus.close();
    await payment.close();
  });

  const announced: { deregister(): Promise<void> }[] = [];
  async function announce(service: string, port: number): Promise<void> {
    const { url } = registry;
    announced.push(
      await register({ url, service, id: `${service}-1`, host: '127.0.0.1', port, logger: silentLogger }),
    );
  }

  /** Starts a process that will kill itself at `crashPoint`. */
  const startDoomed = (main: string, databaseUrl: string, crashPoint: string) =>
    startServiceProcess(join(import.meta.dirname, main), {
      DATABASE_URL: databaseUrl,
      BUS_URL: bus.uri,
      REGISTRY_URL: registry.url,
      ISSUER: payment.issuer.issuer,
      PROVIDER_API_KEY: API_KEY,
      FLOTILLA_CRASH_POINT: crashPoint,
    });

  /** Calls the doomed service until it dies: one that has just started may put its callers off. The response is lost with it. */
  async function callDoomed(
    { child, url }: ServiceProcess,
    route: 'charge' | 'refund',
    orderId: string,
  ): Promise<void> {
    const client = createHttpClient({
      service: 'payment',
      pick: createRoundRobin(createStaticResolver({ payment: [new URL(url).host] })).pick,
      token: await payment.issuer.sign({ sub: 'order', client_id: 'order', scope: 'payment.write' }),
      logger: silentLogger,
      metrics: createMetrics(),
    });
    const body = {
      amount: { amountMinor: 1_999, currency: 'EUR' },
      payment: { token: 'tok_ok' },
      customerId: 'alice',
    };
    const call = () =>
      route === 'charge'
        ? client.call(chargePayment, { params: { orderId }, body })
        : client.call(refundPayment, { params: { orderId } });
    await eventually('it is killed', async () => {
      await assert.rejects(call(), isPlatformError);
      return child.signalCode !== null || child.exitCode !== null;
    });
    await client.close();
  }

  /** The dead process renews nothing: its leases run out. */
  const outliveLeases = () =>
    payment.database.db.query(
      "UPDATE payment SET lease_until = now() - interval '1 second' WHERE lease_until > now()",
    );

  for (const point of [
    'payment.before-intent-commit',
    'payment.after-intent-commit',
    'payment.before-provider-call',
    'payment.after-provider-call',
    'payment.before-outcome-commit',
    'payment.after-outcome-commit',
  ])
    it(`at ${point} leaves an order that is charged once`, async () => {
      const orderId = randomUUID();
      const doomed = await startDoomed('main.ts', payment.database.uri, point);
      await callDoomed(doomed, 'charge', orderId);
      assert.equal(await doomed.ended(), 'SIGKILL');
      await outliveLeases();
      assert.equal((await payment.charge(orderId, 'tok_ok')).status, 'captured');
      assert.deepEqual(await payment.state(orderId), {
        status: 'captured',
        bookings: 'capture',
        clearing: 1_999,
        providerStatus: 'captured',
        providerRefunds: 0,
      });
    });

  for (const point of [
    'payment.before-close-commit',
    'payment.after-close-commit',
    'payment.before-refund-call',
    'payment.after-refund-call',
    'payment.before-outcome-commit',
    'payment.after-refund-commit',
  ])
    it(`at ${point} leaves an order that is refunded once`, async () => {
      const orderId = randomUUID();
      await payment.charge(orderId, 'tok_ok');
      const doomed = await startDoomed('main.ts', payment.database.uri, point);
      await callDoomed(doomed, 'refund', orderId);
      assert.equal(await doomed.ended(), 'SIGKILL');
      await outliveLeases();
      assert.equal(await payment.refund(orderId), 'refunded');
      assert.deepEqual(await payment.state(orderId), {
        status: 'refunded',
        bookings: 'capture,refund',
        clearing: 0,
        providerStatus: 'captured',
        providerRefunds: 1,
      });
    });

  it('after it captured for an order that is then cancelled leaves nothing taken', async () => {
    const orderId = randomUUID();
    const doomed = await startDoomed('main.ts', payment.database.uri, 'payment.after-provider-call');
    await callDoomed(doomed, 'charge', orderId);
    assert.equal(await doomed.ended(), 'SIGKILL');
    assert.equal((await payment.state(orderId)).providerStatus, 'captured');
    assert.equal(await payment.refund(orderId), 'refunded');
    const { clearing, providerRefunds } = await payment.state(orderId);
    assert.deepEqual([clearing, providerRefunds], [0, 1]);
  });

  it('may be the provider, after it captured and before it answered', async () => {
    const orderId = randomUUID();
    const doomed = await startDoomed(
      '../../payment-provider/src/main.ts',
      payment.provider.database.uri,
      'provider.after-capture-commit',
    );
    const { client, provider } = connectProvider(new URL(doomed.url).host, PATIENT_MS);
    const amount = { amountMinor: 1_999, currency: 'EUR' };
    const key = payment.deps.newId();
    const { signal } = new AbortController();
    await assert.rejects(provider.charge({ key, amount, token: 'tok_ok', reference: orderId }, signal), {
      code: 'PAYMENT_PROVIDER_UNAVAILABLE',
      retryable: true,
    });
    assert.equal(await doomed.ended(), 'SIGKILL');
    await client.close();
    assert.equal((await payment.deps.provider.find(key, signal))?.status, 'captured');
  });
});
