import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { MAX_ORDER_LINES } from '@shop/contracts';
import { type CartRig, type Customer, startCart } from './testing.ts';

describe('a cart', () => {
  let rig: CartRig;
  let customer: Customer;
  let serial = 0;
  before(async () => {
    rig = await startCart();
  });
  after(() => rig.close());
  beforeEach(async () => {
    serial += 1;
    customer = await rig.customer(`customer-${serial}`);
  });

  const put = (productId: string, quantity: unknown) =>
    customer('PUT', `/cart/items/${productId}`, { quantity });
  const items = async () => (await customer('GET', '/cart')).body['items'];

  it('is empty before it is used', async () => {
    assert.deepEqual((await customer('GET', '/cart')).body, { items: [], updatedAt: null });
  });

  it('holds each product once, in the order they were added', async () => {
    await put('sku-2', 1);
    await put('sku-1', 3);
    const { status, body } = await put('sku-2', 5);
    assert.equal(status, 200);
    assert.deepEqual(body['items'], [
      { productId: 'sku-2', quantity: 5 },
      { productId: 'sku-1', quantity: 3 },
    ]);
    assert.ok(Date.parse(String(body['updatedAt'])) > 0);
  });

  it('loses a product that is set to 0, known or not', async () => {
    await put('sku-1', 3);
    assert.deepEqual((await put('sku-1', 0)).body['items'], []);
    assert.equal((await put('gone', 0)).status, 200);
  });

  it('can be emptied, more than once', async () => {
    await put('sku-1', 3);
    assert.equal((await customer('DELETE', '/cart')).status, 204);
    assert.equal((await customer('DELETE', '/cart')).status, 204);
    assert.deepEqual(await items(), []);
  });

  it('is nobody else’s', async () => {
    await put('sku-1', 3);
    const other = await rig.customer('somebody-else');
    assert.deepEqual((await other('GET', '/cart')).body['items'], []);
    await other('DELETE', '/cart');
    assert.deepEqual(await items(), [{ productId: 'sku-1', quantity: 3 }]);
  });

  it('takes only products that exist', async () => {
    const { status, body } = await put('nothing', 1);
    assert.equal(status, 422);
    assert.equal(body['code'], 'unknown-product');
    assert.deepEqual(await items(), []);
  });

  it('takes only quantities that make sense', async () => {
    for (const quantity of [-1, 0.5, 1_001, 1e300, '1', null])
      assert.equal((await put('sku-1', quantity)).status, 400, String(quantity));
    assert.equal((await customer('PUT', '/cart/items/sku-1', { quantity: 1, price: 1 })).status, 400);
    assert.equal((await put('sku%2F1', 1)).status, 400);
  });

  it('holds as many products as an order may have, whoever adds them at the same time', async () => {
    const answers = await Promise.all(
      Array.from({ length: MAX_ORDER_LINES + 3 }, (_, index) => put(`sku-${index}`, 1)),
    );
    const full = answers.filter(({ status }) => status === 422);
    assert.equal(full.length, 3);
    assert.equal(full[0]?.body['code'], 'cart-full');
    assert.equal(answers.filter(({ status }) => status === 200).length, MAX_ORDER_LINES);
  });

  it('still lets a known product change when it is full', async () => {
    for (let index = 0; index < MAX_ORDER_LINES; index += 1) await put(`sku-${index}`, 1);
    assert.equal((await put('sku-0', 7)).status, 200);
  });

  it('is for customers who are logged in', async () => {
    const anonymous = await rig.customer('x', { exp: 1 });
    assert.equal((await anonymous('GET', '/cart')).status, 401);
  });
});

describe('a cart while the catalogue is away', () => {
  let rig: CartRig;
  before(async () => {
    rig = await startCart();
  });
  after(() => rig.close());

  it('adds nothing it cannot check, and still shows and removes', async () => {
    const customer = await rig.customer('customer');
    await customer('PUT', '/cart/items/sku-1', { quantity: 2 });
    await rig.inventory.close();
    const refused = await customer('PUT', '/cart/items/sku-2', { quantity: 1 });
    assert.equal(refused.status, 503);
    assert.equal(refused.body['code'], 'temporarily-unavailable');
    assert.ok(Number(refused.headers['retry-after']) >= 1);
    const { body } = await customer('PUT', '/cart/items/sku-1', { quantity: 0 });
    assert.deepEqual(body['items'], []);
  });
});
