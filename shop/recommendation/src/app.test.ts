import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { listProjections, readProjectionCommand, requestProjection } from '@flotilla/event-store';
import { eventually } from '@flotilla/kernel/testing';
import { productOf, type RecommendationRig, startRecommendation } from './testing.ts';

describe('the recommendation service', () => {
  let shop: RecommendationRig;
  beforeEach(async () => {
    shop = await startRecommendation();
    shop.stock('tent', 'stove', 'lamp', 'novel', 'atlas', 'mug');
  });
  afterEach(() => shop.close());

  const alice = { sub: 'alice' };

  describe('says what else was bought', () => {
    it('in one order or in several of one customer, the closest first', async () => {
      await shop.buy('alice', ['tent', 'stove']);
      for (const customer of ['erin', 'frank', 'grace']) await shop.buy(customer, ['tent', 'stove']);
      await shop.buy('bob', ['tent']);
      await shop.counted(5);
      await shop.buy('bob', ['stove', 'lamp']);
      await shop.buy('carol', ['lamp', 'novel']);
      await shop.buy('dave', ['lamp', 'atlas']);
      await shop.counted(8);
      const [first, second] = await shop.ids('/products/tent/also-bought');
      assert.deepEqual([first, second], ['stove', 'lamp']);
    });

    it('once for each customer, however often they buy it', async () => {
      for (let n = 0; n < 5; n += 1) await shop.buy('alice', ['tent', 'novel']);
      for (const customer of ['bob', 'carol']) await shop.buy(customer, ['tent', 'stove']);
      await shop.counted(7);
      assert.equal((await shop.ids('/products/tent/also-bought'))[0], 'stove');
      const [row] = await shop.db.query(
        "SELECT buyers FROM bought_both WHERE product_id = 'tent' AND other_id = 'novel'",
      );
      assert.equal(row?.['buyers'], 1);
    });

    it('once for each order, however often it is told, and by whichever message', async () => {
      const orderId = shop.newId();
      for (let n = 0; n < 3; n += 1) await shop.buy('alice', ['tent', 'stove'], orderId);
      await shop.buy('bob', ['novel']);
      await shop.counted(2);
      const rows = await shop.db.query("SELECT FROM event WHERE category = 'purchase'");
      assert.equal(rows.length, 2);
    });

    it('as the catalogue shows it, only what can be bought, never itself, as many as are wanted', async () => {
      shop.catalogue.set('stove', productOf('stove', false));
      await shop.buy('alice', ['tent', 'stove', 'gone', 'lamp']);
      await shop.counted(1);
      const { body, headers } = await shop.request('GET', '/products/tent/also-bought?limit=2');
      assert.deepEqual(body['items'], [productOf('lamp'), productOf('atlas')]);
      assert.equal(headers['cache-control'], 'public, max-age=60');
    });

    it('of a product that is new, by what is popular, and in a new shop by the catalogue', async () => {
      assert.deepEqual(await shop.ids('/products/tent/also-bought?limit=2'), ['atlas', 'lamp']);
      for (const customer of ['alice', 'bob']) await shop.buy(customer, ['novel']);
      await shop.buy('alice', ['mug']);
      await shop.counted(3);
      shop.stock('brand-new');
      assert.deepEqual(await shop.ids('/products/brand-new/also-bought?limit=3'), ['novel', 'mug', 'atlas']);
    });

    it('of nothing that is not there', async () => {
      const { status, body } = await shop.request('GET', '/products/no-such/also-bought');
      assert.deepEqual([status, body['code']], [404, 'product-not-found']);
      assert.equal((await shop.request('GET', '/products/tent/also-bought?limit=0')).status, 400);
    });
  });

  describe('recommends', () => {
    it('what goes with what somebody has bought and looked at, without what they have', async () => {
      await shop.buy('bob', ['tent', 'stove']);
      await shop.buy('carol', ['novel', 'atlas']);
      await shop.buy('dave', ['mug']);
      await shop.buy('alice', ['tent']);
      await shop.counted(4);
      const bought = await shop.ids('/me/recommendations', alice);
      assert.equal(bought[0], 'stove');
      assert.ok(!bought.includes('tent'));
      await shop.request('PUT', '/me/viewed/novel', { as: alice });
      assert.deepEqual((await shop.ids('/me/recommendations', alice)).slice(0, 2), ['stove', 'atlas']);
    });

    it('what is popular to those of whom nothing is known', async () => {
      for (const customer of ['bob', 'carol']) await shop.buy(customer, ['novel']);
      await shop.counted(2);
      assert.equal((await shop.ids('/me/recommendations', alice))[0], 'novel');
      assert.equal((await shop.ids('/recommendations'))[0], 'novel');
    });
  });

  describe('remembers what was looked at', () => {
    it('the last one first, each once, for its owner alone', async () => {
      for (const id of ['tent', 'novel', 'tent'])
        assert.equal((await shop.request('PUT', `/me/viewed/${id}`, { as: alice })).status, 204);
      assert.deepEqual(await shop.ids('/me/viewed', alice), ['tent', 'novel']);
      assert.deepEqual(await shop.ids('/me/viewed', { sub: 'bob' }), []);
      assert.equal((await shop.request('DELETE', '/me/viewed', { as: alice })).status, 204);
      assert.deepEqual(await shop.ids('/me/viewed', alice), []);
    });

    it('a hundred at most', async () => {
      for (let n = 0; n < 103; n += 1) await shop.request('PUT', `/me/viewed/sku-${n}`, { as: alice });
      const rows = await shop.db.query<{ id: string }>(
        'SELECT product_id AS id FROM viewed ORDER BY viewed_at',
      );
      assert.deepEqual([rows.length, rows[0]?.id], [100, 'sku-3']);
    });
  });

  it('counts everything anew while it serves, and misses nothing that is bought meanwhile', async () => {
    for (let n = 0; n < 60; n += 1) await shop.buy(`customer-${n % 20}`, ['tent', n % 2 ? 'stove' : 'lamp']);
    await shop.counted(60);
    const before = await shop.ids('/products/tent/also-bought');
    // What nobody could know: a rebuild must not take it over.
    await shop.db.query("UPDATE popularity SET buyers = 999 WHERE product_id = 'lamp'");
    const command = await requestProjection(shop.db, { name: 'also_bought', verb: 'rebuild', by: 'tester' });
    let orders = 60;
    await eventually('it is shown', async () => {
      await shop.buy(`late-${orders}`, ['tent', 'mug']);
      orders += 1;
      assert.ok((await shop.ids('/products/tent/also-bought')).length > 0, 'it serves');
      return (await readProjectionCommand(shop.db, command))?.status === 'done';
    });
    await shop.counted(orders);
    const active = (await listProjections(shop.db)).find(({ state }) => state === 'active');
    assert.equal(active?.generation, 2);
    const counts = await shop.db.query<{ id: string; buyers: number }>(
      'SELECT product_id AS id, buyers FROM popularity WHERE generation = 2',
    );
    const buyers = Object.fromEntries(counts.map((row) => [row.id, row.buyers]));
    assert.deepEqual(buyers, { tent: 20 + orders - 60, stove: 10, lamp: 10, mug: orders - 60 });
    assert.ok(before.length > 0);
  });
});
