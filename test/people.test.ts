import assert from 'node:assert/strict';
import { createHash, randomUUID } from 'node:crypto';
import { describe, it, type TestContext } from 'node:test';
import type { RouteHandler } from '@flotilla/http';
import { uuidv5 } from '@flotilla/kernel';
import type { Database } from '@flotilla/postgres';
import { createTestService, type TestService } from '@flotilla/service/testing';
import system from '../flotilla.config.ts';
import { peopleRoutes as ofCart } from '../shop/cart/src/people.ts';
import { startIdentity } from '../shop/identity/src/testing.ts';
import { peopleRoutes as ofLegacy } from '../shop/legacy/src/people.ts';
import { peopleRoutes as ofNotification } from '../shop/notification/src/people.ts';
import { peopleRoutes as ofOrder } from '../shop/order/src/people.ts';
import { peopleRoutes as ofPayment } from '../shop/payment/src/people.ts';
import { peopleRoutes as ofPricing } from '../shop/pricing/src/people.ts';
import { peopleRoutes as ofRecommendation } from '../shop/recommendation/src/people.ts';
import { peopleRoutes as ofShipping } from '../shop/shipping/src/people.ts';

const NAMESPACE = 'b1d7a9d2-6f7e-5f5c-8a55-0d8f4f1f6a01';
const dana = personOf('dana');
const bob = personOf('bob');

/** What may be found of somebody afterwards is no name, no address and no e-mail address. */
function personOf(name: string) {
  const address = {
    ...{ name: `${name} Doe`, line1: `1 ${name} Street` },
    ...{ city: `${name}ville`, postalCode: `PC-${name}`, country: 'AT' },
  };
  const userId = uuidv5(name, NAMESPACE);
  return {
    name,
    userId,
    email: `${name}@example.com`,
    address,
    orderId: uuidv5(`order of ${name}`, NAMESPACE),
  };
}
type Person = ReturnType<typeof personOf>;

interface Part {
  readonly routes: (db: Database) => readonly RouteHandler[];
  readonly fill: (person: Person) => string;
  /** Rows that have to stay, as a query that finds them. */
  readonly stays?: (person: Person) => string;
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const json = (value: unknown) => `'${JSON.stringify(value)}'`;

const PARTS: Readonly<Record<string, Part>> = {
  cart: {
    routes: ofCart,
    fill: ({ userId }) => `
      INSERT INTO cart VALUES ('${userId}', now());
      INSERT INTO cart_item VALUES ('${userId}', 'sku-1', 1);
      INSERT INTO checkout (customer_id, idempotency_key, items) VALUES ('${userId}', 'k', '[]')`,
  },
  pricing: {
    routes: ofPricing,
    fill: ({ userId, orderId }) => `
      INSERT INTO quote (id, customer_id, request, evaluation, expires_at)
        VALUES (gen_random_uuid(), '${userId}', '{}', '{}', now());
      INSERT INTO redemption (order_id, state, customer_id, reason) VALUES ('${orderId}', 'refused', '${userId}', 'r')`,
    stays: ({ userId }) => `SELECT FROM redemption WHERE customer_id = '${userId}'`,
  },
  payment: {
    routes: ofPayment,
    fill: ({ userId, orderId }) => `
      INSERT INTO payment (id, order_id, customer_id, status, amount_minor, currency, provider_charge_id)
        VALUES (gen_random_uuid(), '${orderId}', '${userId}', 'captured', 100, 'EUR', 'ch-${orderId}')`,
    stays: ({ userId }) => `SELECT FROM payment WHERE customer_id = '${userId}'`,
  },
  shipping: {
    routes: ofShipping,
    fill: ({ orderId, address }) => `
      INSERT INTO shipment (id, order_id, status, tracking_number, address, items)
        VALUES (gen_random_uuid(), '${orderId}', 'created', 'T-${orderId}', ${json(address)}, '[]')`,
    stays: ({ orderId }) =>
      `SELECT FROM shipment WHERE order_id = '${orderId}' AND address->>'country' = 'AT'`,
  },
  recommendation: {
    routes: ofRecommendation,
    fill: ({ userId }) => `
      INSERT INTO shopper VALUES ('${userId}', '${uuidv5(userId, NAMESPACE)}');
      INSERT INTO owned VALUES (1, '${uuidv5(userId, NAMESPACE)}', 'sku-1', now());
      INSERT INTO viewed (customer_id, product_id) VALUES ('${userId}', 'sku-2')`,
    stays: ({ userId }) => `
      SELECT FROM owned WHERE shopper = '${uuidv5(userId, NAMESPACE)}'
        AND NOT EXISTS (SELECT FROM shopper WHERE alias = '${uuidv5(userId, NAMESPACE)}')`,
  },
  legacy: {
    routes: ofLegacy,
    fill: ({ userId, email, address }) => `
      INSERT INTO customers (account_id, name, email) VALUES ('${userId}', '${address.name}', '${email}');
      INSERT INTO orders (customer_no, state, sum, placed_on)
        SELECT no, 'N', 1, now() FROM customers WHERE account_id = '${userId}'`,
    stays: ({ userId }) =>
      `SELECT FROM orders JOIN customers ON customers.no = customer_no WHERE account_id = '${userId}'`,
  },
  notification: {
    routes: ofNotification,
    fill: ({ userId, email, name }) => `
      INSERT INTO recipient VALUES ('${userId}', 'en', true, true, 1);
      INSERT INTO mail (id, recipient, subject, body, state, user_id)
        VALUES (gen_random_uuid(), '${email}', 's', 'Hello ${name} Doe', 'delivered', '${userId}'),
               (gen_random_uuid(), '${email.toUpperCase()}', 's', 'before there were owners', 'sent', NULL)`,
  },
  order: {
    routes: ofOrder,
    fill: ({ userId, orderId, email, address }) => `
      SELECT append_events('order-${orderId}', 'order', 0, jsonb_build_array(jsonb_build_array('order-placed', 1, ${json(
        {
          customer: { id: userId, email, name: address.name },
          ...{ idempotencyKey: 'k', lines: [], total: { amountMinor: 0, currency: 'EUR' } },
          ...{ shippingAddress: address, at: '2026-01-01T00:00:00Z' },
        },
      )}::jsonb)), NULL, NULL, NULL);
      INSERT INTO moved_order (number, customer_id, source_version, stage, content)
        VALUES ((random() * 1e9)::integer, '${userId}', 1, 'live', '{"status": "Confirmed"}');
      INSERT INTO order_view_row (generation, id, customer_id, customer_email, customer_name, idempotency_key, status,
          currency, total_minor, shipping_address, lines, history, created_at, updated_at)
        VALUES (1, '${orderId}', '${userId}', '${email}', '${address.name}', 'k', 'Confirmed', 'EUR', 0,
          ${json(address)}, '[]', '[]', now(), now());
      INSERT INTO idempotency_key (customer_id, key, request_hash, order_id) VALUES ('${userId}', 'k', 'h', '${orderId}');
      INSERT INTO saga_instance (id, type, def_version, status, data, pivot_started, deadline_at, ended_at)
        VALUES ('${orderId}', 'place-order', 1, 'completed', ${json({
          customer: { id: userId, email, name: address.name },
          ...{ shippingAddress: address, paymentToken: 'tok_ok' },
        })}, true, now(), now())`,
    stays: ({ orderId }) => `
      SELECT FROM order_view WHERE id = '${orderId}' AND shipping_address->>'country' = 'AT' AND EXISTS (
        SELECT FROM event WHERE stream_id = 'order-${orderId}' AND data->'shippingAddress'->>'country' = 'AT')`,
  },
};

const asUser = { sub: 'user', client_id: 'user', scope: 'people.write' };

interface Exported {
  readonly data: Readonly<Record<string, unknown>>;
  readonly orderIds?: readonly string[];
}

/** Everything that is stored, as text. */
async function dump({ owner }: TestService): Promise<string> {
  const tables = await owner.query<{ name: string }>(
    "SELECT quote_ident(table_name) AS name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'",
  );
  const texts = await Promise.all(
    tables.map(({ name }) => owner.query<{ text: string }>(`SELECT t::text AS text FROM ${name} t`)),
  );
  return texts
    .flat()
    .map(({ text }) => text)
    .join('\n');
}

const traces = ({ name, email }: Person) => new RegExp(`${name} |${name}ville|PC-${name}|${email}`, 'i');

for (const [name, part] of Object.entries(PARTS))
  describe(`what ${name} knows of people`, () => {
    async function start(t: TestContext) {
      const service = await createTestService(name, system.services[name]?.database?.migrations ?? []);
      t.after(() => service.close());
      service.serve(part.routes(service.db));
      for (const person of [dana, bob])
        for (const statement of part.fill(person).split(';\n')) await service.owner.query(statement);
      const ask = <T>(what: 'export' | 'erase', { userId, email, orderId }: Person) =>
        service.request<T>('POST', `/internal/people/${userId}/${what}`, {
          as: asUser,
          body: { email, orderIds: [orderId] },
        });
      return { service, ask };
    }

    it('is shown, and then erased without a trace, but for what it says that it keeps, of nobody else', async (t) => {
      const { service, ask } = await start(t);
      const shown = (await ask<Exported>('export', dana)).body;
      for (const [what, value] of Object.entries(shown.data))
        assert.ok(Array.isArray(value) ? value.length > 0 : value !== null, `nothing of ${what} is shown`);
      if (name === 'order') assert.deepEqual(shown.orderIds, [dana.orderId]);
      const before = await dump(service);

      const erased = await ask<{ erased: string[]; kept: { what: string; why: string }[] }>('erase', dana);
      assert.equal(erased.status, 200);
      const after = await dump(service);
      assert.doesNotMatch(after, traces(dana));
      assert.equal(traces(bob).test(after), traces(bob).test(before), 'of somebody else');
      const rows = part.stays ? await service.owner.query(part.stays(dana)) : [];
      assert.equal(rows.length, part.stays ? 1 : 0);
      assert.equal(erased.body.kept.length > 0, part.stays !== undefined, 'it says what it keeps');
      assert.deepEqual((await ask('erase', dana)).body, erased.body, 'again it is the same');
      assert.equal(await dump(service), after);
    });

    it('is for the user service alone', async (t) => {
      const { service } = await start(t);
      for (const as of [
        { sub: 'alice', role: 'Admin', scope: 'people.write' },
        { sub: 'order', client_id: 'order', scope: 'people.write' },
        { sub: 'user', client_id: 'user', scope: 'inventory.read' },
      ])
        for (const what of ['export', 'erase']) {
          const path = `/internal/people/${dana.userId}/${what}`;
          const { status } = await service.request('POST', path, { as, body: { orderIds: [] } });
          assert.equal(status, 403);
        }
    });
  });

describe('an order that has not ended', () => {
  it('is waited for, and nothing is erased', async (t) => {
    const service = await createTestService('order', system.services['order']?.database?.migrations ?? []);
    t.after(() => service.close());
    service.serve(ofOrder(service.db));
    for (const statement of PARTS['order']?.fill(dana).split(';\n') ?? [])
      await service.owner.query(statement);
    await service.owner.query("UPDATE order_view_row SET status = 'Pending'");
    const before = await dump(service);
    const answer = await service.request('POST', `/internal/people/${dana.userId}/erase`, {
      as: asUser,
      body: { orderIds: [] },
    });
    assert.deepEqual([answer.status, answer.body], [202, { waitsFor: 'orders-open' }]);
    assert.equal(await dump(service), before);
  });
});

describe('what identity knows of people', () => {
  it('is erased with the account, whose tokens and address end with it; the last administrator stays', async (t) => {
    const serviceClients = { user: { secretSha256: sha256('user-secret'), scopes: ['people.write'] } };
    const identity = await startIdentity({ demo: true, serviceClients });
    t.after(() => identity.close());
    const erase = async (userId: string) => {
      const credentials = { clientId: 'user', clientSecret: 'user-secret', scope: 'people.write' };
      const { body: issued } = await identity.post('/internal/token', credentials);
      const response = await identity.host.inject({
        ...{ method: 'POST', url: `/internal/people/${userId}/erase`, payload: { orderIds: [] } },
        headers: { authorization: `Bearer ${issued['accessToken']}` },
      });
      return { status: response.statusCode, body: response.json() as { readonly reason?: string } };
    };
    const { body } = await identity.signUp('dana@example.com');
    await identity.logIn('dana@example.com');
    const userId = String(body['id']);
    assert.equal((await erase(userId)).status, 200);
    assert.equal((await erase(userId)).status, 200, 'again it is the same');
    assert.equal((await identity.logIn('dana@example.com')).status, 401);
    const told = await identity.db.query<{ data: { change?: string } }>(
      "SELECT envelope::jsonb->'data' AS data FROM outbox WHERE type = 'identity.account-changed.v1' AND key = $1",
      [userId],
    );
    assert.deepEqual(
      told.map(({ data }) => data.change),
      ['erased'],
    );
    assert.equal((await identity.signUp('dana@example.com')).status, 201, 'the address is free');

    const [admin] = await identity.db.query<{ id: string }>("SELECT id FROM account WHERE role = 'Admin'");
    const refused = await erase(admin?.id ?? randomUUID());
    assert.deepEqual([refused.status, refused.body.reason], [422, 'last-administrator']);
    assert.equal((await identity.logIn('admin@example.com', 'admin-password')).status, 200);
  });
});
