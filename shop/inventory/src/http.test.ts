import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { createTestIssuer } from '@flotilla/auth/testing';
import { createHttpHost, type HttpHost, type Route } from '@flotilla/http';
import { createValidator, type Static, systemClock } from '@flotilla/kernel';
import { eventually } from '@flotilla/kernel/testing';
import { createOutbox } from '@flotilla/messaging';
import { createMetrics, silentLogger } from '@flotilla/telemetry';
import {
  getAvailability,
  getProduct,
  listProducts,
  lookUpProducts,
  type productSchema,
  setStock,
  showProducts,
} from '@shop/contracts';
import { createTestInventory } from '../test/inventories.ts';
import { createInventoryApp, type InventoryApp } from './app.ts';
import { reserveStock } from './features/reserve-stock.ts';

const issuer = createTestIssuer();

let inventory: Awaited<ReturnType<typeof createTestInventory>>;
let app: InventoryApp;
let host: HttpHost;

before(async () => {
  inventory = await createTestInventory();
  const metrics = createMetrics();
  app = createInventoryApp({
    outbox: createOutbox({ source: 'inventory' }),
    ...{ stock: inventory.stock, catalogue: inventory.catalogue },
    clock: systemClock,
    logger: silentLogger,
    metrics,
    reservationTtlSeconds: 1_800,
    expiryIntervalMs: 20,
  });
  await app.addDemoProducts();
  host = createHttpHost({
    service: 'inventory',
    handlers: app.handlers,
    verifyToken: issuer.verify,
    logger: silentLogger,
    metrics,
    readiness: {},
  });
});
after(async () => {
  await host.close();
  await inventory.close();
});

interface Sent {
  readonly method?: 'GET' | 'PUT' | 'POST';
  readonly body?: object;
  readonly claims?: Readonly<Record<string, unknown>>;
}

async function send(url: string, { method = 'GET', body, claims }: Sent = {}) {
  const headers = claims ? { authorization: `Bearer ${await issuer.sign(claims)}` } : {};
  return await host.inject({ url, method, headers, ...(body && { payload: body }) });
}

/** The body, after it has been held against the contract. */
function bodyOf<R extends Route>(route: R, answer: { statusCode: number; json(): unknown }) {
  assert.equal(answer.statusCode, 200);
  const schema = route.responses[200];
  assert.ok(schema);
  const checked = createValidator(schema)(answer.json());
  assert.ok(checked.ok, JSON.stringify(checked));
  return checked.value;
}

type Product = Static<typeof productSchema>;
type Page = { items: Product[]; next: string | null };

async function list(query: string): Promise<Page> {
  return bodyOf(listProducts, await send(`/products${query}`)) as Page; // held against the contract just now
}

function assertProblem(
  answer: { statusCode: number; json(): { code?: string } },
  status: number,
  code: string,
) {
  assert.deepEqual([answer.statusCode, answer.json().code], [status, code]);
}

describe('the catalogue', () => {
  test('has at least sixty products, the limited and the sold-out one', async () => {
    const first = await list('?limit=100');
    assert.ok(first.items.length >= 62);
    assert.equal(first.next, null);
    assert.equal(first.items.find((product) => product.id === 'sku-limited')?.available, true);
    assert.equal(first.items.find((product) => product.id === 'sku-soldout')?.available, false);
    assert.deepEqual(await inventory.stock.find('sku-limited'), { onHand: 10, reserved: 0 });
    for (const { price } of first.items) assert.ok(price.currency === 'EUR' && price.amountMinor > 0);
  });

  test('is read page by page, every product once and in order', async () => {
    const ids: string[] = [];
    let cursor = '';
    for (;;) {
      const page = await list(`?limit=25${cursor}`);
      ids.push(...page.items.map((product) => product.id));
      if (page.next === null) break;
      cursor = `&cursor=${page.next}`;
    }
    assert.deepEqual(
      ids,
      (await list('?limit=100')).items.map((product) => product.id),
    );
    assert.deepEqual(ids, ids.toSorted());
  });

  test('gives twenty products when no limit is asked for, and may be cached for a minute', async () => {
    const answer = await send('/products');
    assert.equal(answer.headers['cache-control'], 'public, max-age=60');
    assert.equal((bodyOf(listProducts, answer) as Page).items.length, 20);
  });

  test('is searched for words in name and description, in any case', async () => {
    const found = await list('?q=COFFEE%20burrs');
    assert.deepEqual(
      found.items.map((product) => product.name),
      ['Hand coffee grinder'],
    );
    assert.equal((await list('?q=%20')).items.length, 20);
  });

  test('takes wildcards in a search for what they are', async () => {
    assert.deepEqual(
      (await list('?q=%25')).items.map((product) => product.name),
      ['Mechanical keyboard'],
    );
    assert.equal((await list('?q=_offee')).items.length, 0);
    assert.equal((await list('?q=%5C')).items.length, 0);
    assert.equal((await list(`?q=${encodeURIComponent("'; DROP TABLE stock; --")}`)).items.length, 0);
  });

  test('comes in the order that is asked for, page by page, each product once', async () => {
    const all = (await list('?limit=100')).items;
    const byPrice = (a: Product, b: Product) =>
      a.price.amountMinor - b.price.amountMinor || (a.id < b.id ? -1 : 1);
    const expected = {
      name: (a: Product, b: Product) => (a.name.toLowerCase() < b.name.toLowerCase() ? -1 : 1),
      price: byPrice,
      '-price': (a: Product, b: Product) => byPrice(b, a),
    };
    for (const [sort, compare] of Object.entries(expected)) {
      const ids: string[] = [];
      for (let next: string | null = ''; next !== null; ) {
        const page = await list(`?limit=7&sort=${sort}${next === '' ? '' : `&cursor=${next}`}`);
        ids.push(...page.items.map(({ id }) => id));
        next = page.next;
      }
      if (sort === 'name') assert.deepEqual(new Set(ids), new Set(all.map(({ id }) => id)));
      else
        assert.deepEqual(
          ids,
          all.toSorted(compare).map(({ id }) => id),
          sort,
        );
      assert.equal(ids.length, all.length);
    }
  });

  test('can be narrowed down to prices and to what is left', async () => {
    const some = (await list('?minPrice=4900&maxPrice=8900&limit=100')).items.map(
      ({ price }) => price.amountMinor,
    );
    assert.ok(some.length > 3 && some.every((price) => price >= 4_900 && price <= 8_900));
    assert.equal((await list('?minPrice=2&maxPrice=1')).items.length, 0);
    const left = await list('?inStock=true&limit=100');
    assert.ok(left.items.length > 3 && left.items.every(({ available }) => available));
    assert.ok((await list('?inStock=false&limit=100')).items.some(({ available }) => !available));
  });

  test('continues each order by cursors of that order alone', async () => {
    const cursors = await Promise.all(
      ['limit=1', 'limit=1&sort=name', 'limit=1&sort=price', 'limit=1&sort=-price'].map(async (query) => ({
        ...{ query, next: (await list(`?${query}`)).next },
      })),
    );
    for (const { query } of cursors)
      for (const { query: other, next } of cursors)
        assert.equal(
          (await send(`/products?${query}&cursor=${next}`)).statusCode,
          query === other ? 200 : 400,
        );
    for (const forged of ['price:a:1e9', 'price:a:99999999999', 'name:a:\0', 'price:a', 'size:a:1'])
      assert.equal(
        (await send(`/products?sort=price&cursor=${Buffer.from(forged).toString('base64url')}`)).statusCode,
        400,
      );
    for (const query of ['minPrice=-1', 'maxPrice=x', 'inStock=maybe'])
      assert.equal((await send(`/products?${query}`)).statusCode, 400);
  });

  test('refuses a cursor it did not give, and limits out of bounds', async () => {
    for (const query of ['cursor=x', 'cursor=%00', 'limit=0', 'limit=101', 'limit=x', 'sort=size']) {
      assertProblem(await send(`/products?${query}`), 400, 'validation-failed');
    }
  });

  test('shows one product, with pictures that exist', async () => {
    const answer = await send('/products/sku-0001');
    assert.equal(answer.headers['cache-control'], 'public, max-age=60');
    const product = bodyOf(getProduct, answer) as Product;
    for (const url of [product.imageUrl, product.thumbnailUrl]) {
      const image = await send(url);
      assert.equal(image.statusCode, 200);
      assert.equal(image.headers['content-type'], 'image/svg+xml; charset=utf-8');
      assert.match(image.body, /^<svg [^>]*>.*<title>Pour-over coffee dripper<\/title>.*<\/svg>$/);
    }
    assertProblem(await send('/products/nope'), 404, 'product-not-found');
    assertProblem(await send('/products/nope/image.svg'), 404, 'product-not-found');
  });

  test('keeps its stock when the demo data is added again', async () => {
    await inventory.stock.setOnHand('sku-0002', 7, 'test');
    await app.addDemoProducts();
    assert.deepEqual(await inventory.stock.find('sku-0002'), { onHand: 7, reserved: 0 });
    assert.deepEqual(await inventory.findBrokenInvariants(), []);
  });
});

describe('availability', () => {
  test('is for a quantity, of what nobody holds, and never cached', async () => {
    const id = await inventory.addProduct(5);
    await reserveStock(inventory.deps, 'availability', [{ productId: id, quantity: 2 }]);
    const ask = (query: string) => send(`/products/${id}/availability${query}`);
    assert.deepEqual(bodyOf(getAvailability, await ask('?quantity=3')), { available: true, currentStock: 3 });
    assert.deepEqual(bodyOf(getAvailability, await ask('?quantity=4')), {
      available: false,
      currentStock: 3,
    });
    const answer = await ask('');
    assert.deepEqual(bodyOf(getAvailability, answer), { available: true, currentStock: 3 });
    assert.equal(answer.headers['cache-control'], 'no-store');
    assertProblem(await ask('?quantity=0'), 400, 'validation-failed');
    assertProblem(await send('/products/nope/availability'), 404, 'product-not-found');
  });
});

describe('setting the stock', () => {
  const admin = { sub: 'admin-7', role: 'Admin' };

  test('is for administrators, and remembers who did it', async () => {
    const id = await inventory.addProduct(5);
    const put = (claims?: Sent['claims']) =>
      send(`/products/${id}/stock`, { method: 'PUT', body: { onHand: 8 }, ...(claims && { claims }) });
    assertProblem(await put(), 401, 'unauthorized');
    assertProblem(await put({ role: 'Customer', permissions: ['orders.write'] }), 403, 'forbidden');
    assert.deepEqual(bodyOf(setStock, await put(admin)), {
      productId: id,
      onHand: 8,
      reserved: 0,
      available: 8,
    });
    assert.deepEqual((await inventory.movementsOf(id)).at(-1), {
      kind: 'adjustment',
      quantity: 3,
      actor: 'admin-7',
    });
  });

  test('refuses what cannot be', async () => {
    const id = await inventory.addProduct(5);
    await reserveStock(inventory.deps, 'set-stock', [{ productId: id, quantity: 2 }]);
    const put = (to: string, onHand: unknown) =>
      send(`/products/${to}/stock`, { method: 'PUT', body: { onHand }, claims: admin });
    assertProblem(await put(id, 1), 409, 'stock-reserved');
    assertProblem(await put('nope', 1), 404, 'product-not-found');
    for (const wrong of [-1, 1.5, '3', null, 10_000_001]) {
      assertProblem(await put(id, wrong), 400, 'validation-failed');
    }
    assert.deepEqual(await inventory.stock.find(id), { onHand: 5, reserved: 2 });
  });
});

test('looking up prices is for services, and leaves unknown products out', async () => {
  const body = { ids: ['sku-0002', 'nope', 'sku-0001'] };
  const lookUp = (claims: Sent['claims']) =>
    send('/internal/products/lookup', { method: 'POST', body, ...(claims && { claims }) });
  assertProblem(await lookUp(undefined), 401, 'unauthorized');
  assertProblem(await lookUp({ scope: 'orders.read' }), 403, 'forbidden');
  const answer = bodyOf(lookUpProducts, await lookUp({ scope: 'inventory.read' })) as { items: Product[] };
  assert.deepEqual(
    answer.items.map(({ id, price }) => [id, price.amountMinor]),
    [
      ['sku-0001', 2_490],
      ['sku-0002', 5_990],
    ],
  );
});

test('shows products to services in the order of asking, each once, and leaves unknown ones out', async () => {
  const body = { ids: ['sku-0002', 'nope', 'sku-0001', 'sku-0002'] };
  const show = (scope: string) =>
    send('/internal/products/show', { method: 'POST', body, claims: { scope } });
  assertProblem(await show('orders.read'), 403, 'forbidden');
  const answer = bodyOf(showProducts, await show('inventory.read')) as { items: Product[] };
  assert.deepEqual(
    answer.items.map(({ id, available }) => [id, available]),
    [
      ['sku-0002', true],
      ['sku-0001', true],
    ],
  );
});

test('overdue reservations are freed while the service runs, until it is told to stop', async () => {
  const id = await inventory.addProduct(5);
  await reserveStock(inventory.deps, 'overdue', [{ productId: id, quantity: 2 }]);
  const controller = new AbortController();
  const running = app.expireReservations(controller.signal);
  await inventory.makeOverdue('overdue');
  await eventually(
    'the reservation expires',
    async () => (await inventory.statusOf('overdue')) === 'expired',
  );
  controller.abort();
  await running;
  assert.deepEqual(await inventory.stock.find(id), { onHand: 5, reserved: 0 });
});
