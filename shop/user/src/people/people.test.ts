import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { uuidv7 } from '@flotilla/kernel';
import { eventually } from '@flotilla/kernel/testing';
import { userRegistered } from '@shop/contracts';
import { startUser, type UserRig } from '../testing.ts';
import { createRemoteHolder } from './data-holder.ts';

interface ErasureView {
  readonly id: string;
  readonly status: string;
  readonly reason?: string;
  readonly endedAt: string | null;
  readonly services: readonly { readonly service: string; readonly erased: readonly string[] }[];
}

describe("a person's data", () => {
  let rig: UserRig;
  before(async () => {
    rig = await startUser();
  });
  after(() => rig.service.close());
  afterEach(() => {
    for (const holder of [rig.identity, rig.order, rig.shipping]) {
      holder.asked.length = 0;
      holder.failures = 0;
      holder.answer = () => ({ erased: [`what ${holder.name} knew`], kept: [], orderIds: [] });
    }
  });

  /** Somebody with a profile and an address. */
  async function person() {
    const sub = uuidv7();
    const as = { sub, email: `${sub}@example.com`, name: 'Dana', role: 'Customer' };
    await rig.service.request('PATCH', '/me', { as, body: { locale: 'de' } });
    const body = { name: 'Dana', line1: '1 Main Street', city: 'Graz', postalCode: '8010', country: 'AT' };
    await rig.service.request('POST', '/me/addresses', { as, body });
    return as;
  }
  type Caller = Awaited<ReturnType<typeof person>>;

  const follow = async (location: unknown) =>
    (await rig.service.request<ErasureView>('GET', String(location))).body;
  const ended = (location: unknown) =>
    eventually('it has ended', async () => {
      const erasure = await follow(location);
      return erasure.status !== 'running' && erasure;
    });
  const rowsOf = async ({ sub }: Caller) => {
    const [row] = await rig.service.db.query<{ n: number }>(
      `SELECT ((SELECT count(*) FROM profile WHERE user_id = $1) + (SELECT count(*) FROM address WHERE user_id = $1)
        + (SELECT count(*) FROM person_export WHERE user_id = $1))::integer AS n`,
      [sub],
    );
    return row?.n;
  };

  describe('is erased', () => {
    it('everywhere, with a report that anybody who has its address can read, and that names nobody', async () => {
      const as = await person();
      rig.order.answer = () => ({
        erased: ['names'],
        kept: [{ what: 'orders', why: 'by law' }],
        orderIds: ['o-1', 'o-2'],
      });
      const asked = await rig.service.request<ErasureView>('DELETE', '/me', { as });
      assert.equal(asked.status, 202);
      const { location } = asked.headers;
      assert.match(String(location), /^\/erasures\/[A-Za-z0-9_-]{43}$/);
      const erasure = await ended(location);
      assert.equal(erasure.status, 'done');
      assert.deepEqual(
        erasure.services.map(({ service }) => service),
        ['identity', 'order', 'shipping', 'user'],
      );
      assert.deepEqual(erasure.services[1], {
        service: 'order',
        erased: ['names'],
        kept: [{ what: 'orders', why: 'by law' }],
      });
      assert.equal(await rowsOf(as), 0);
      const { email, sub: userId } = as;
      assert.deepEqual(rig.shipping.asked, [
        { what: 'erase', person: { userId, email, orderIds: ['o-1', 'o-2'] } },
      ]);
      assert.ok(!JSON.stringify(erasure).includes(email));
      const rows = await rig.service.db.query('SELECT email, order_ids FROM erasure WHERE user_id = $1', [
        userId,
      ]);
      assert.deepEqual(rows, [{ email: null, order_ids: [] }]);
    });

    it('once, however often it is asked for', async () => {
      const as = await person();
      const answers = await Promise.all([1, 2, 3].map(() => rig.service.request('DELETE', '/me', { as })));
      assert.equal(new Set(answers.map(({ headers }) => headers['location'])).size, 1);
      await ended(answers[0]?.headers['location']);
      const again = await rig.service.request<ErasureView>('DELETE', '/me', { as });
      assert.deepEqual([again.status, again.body.status], [202, 'done']);
      assert.equal(rig.identity.asked.length, 1);
    });

    it('by services that are away for a while, or wait for an order to end', async () => {
      const as = await person();
      rig.shipping.failures = 2;
      let open = 2;
      rig.order.answer = () => {
        open -= 1;
        return open >= 0 ? { waitsFor: 'orders-open' } : { erased: ['names'], kept: [], orderIds: [] };
      };
      const { headers } = await rig.service.request('DELETE', '/me', { as });
      assert.equal((await ended(headers['location'])).status, 'done');
      assert.deepEqual([rig.order.asked.length, rig.shipping.asked.length], [3, 3]);
    });

    it('not at all when identity refuses, and may be asked for again', async () => {
      const as = await person();
      rig.identity.answer = () => ({ refused: 'last-administrator' });
      const { headers } = await rig.service.request('DELETE', '/me', { as });
      const refused = await ended(headers['location']);
      assert.deepEqual([refused.status, refused.reason], ['refused', 'last-administrator']);
      assert.deepEqual([rig.order.asked.length, await rowsOf(as)], [0, 2]);
      rig.identity.answer = () => ({ erased: ['account'], kept: [], orderIds: [] });
      const again = await rig.service.request('DELETE', '/me', { as });
      assert.notEqual(again.headers['location'], headers['location']);
      assert.equal((await ended(again.headers['location'])).status, 'done');
    });

    it('for good: nothing that comes later is kept again', async () => {
      const as = await person();
      const { headers } = await rig.service.request('DELETE', '/me', { as });
      await ended(headers['location']);
      const { sub: userId, email, name } = as;
      const late = await rig.service.publish(userRegistered, { userId, email, name });
      await eventually('the event was heard', async () => {
        const rows = await rig.service.db.query('SELECT FROM inbox WHERE message_id = $1', [late]);
        return rows.length === 1;
      });
      assert.equal((await rig.service.request('PATCH', '/me', { as, body: { name: 'Late' } })).status, 404);
      const body = { name: 'Late', line1: '1', city: 'Graz', postalCode: '8010', country: 'AT' };
      assert.equal((await rig.service.request('POST', '/me/addresses', { as, body })).status, 422);
      assert.equal(await rowsOf(as), 0);
    });

    it('of people alone, and unknown reports are not there', async () => {
      assert.equal((await rig.service.request('DELETE', '/me', { as: { sub: 'order' } })).status, 404);
      assert.equal((await rig.service.request('GET', `/erasures/${'A'.repeat(43)}`)).status, 404);
      assert.equal((await rig.service.request('GET', '/erasures/1')).status, 400);
    });
  });

  describe('is collected', () => {
    const collected = async (as: Caller, location: unknown) =>
      await eventually('it is ready', async () => {
        const { body } = await rig.service.request('GET', String(location), { as });
        return body['status'] === 'ready' && body;
      });

    it('from everywhere, for its owner alone', async () => {
      const as = await person();
      const asked = await rig.service.request('POST', '/me/export', { as });
      assert.equal(asked.status, 202);
      const { location } = asked.headers;
      const { data } = await collected(as, location);
      const parts = data as Readonly<Record<string, Readonly<Record<string, unknown>>>>;
      assert.deepEqual(Object.keys(parts).sort(), ['identity', 'order', 'shipping', 'user']);
      assert.deepEqual(parts['order'], { of: 'order' });
      const own = parts['user'] as { profile: { name: string }; addresses: { city: string }[] };
      assert.deepEqual([own.profile.name, own.addresses[0]?.city], ['Dana', 'Graz']);
      const stranger = await person();
      assert.equal((await rig.service.request('GET', String(location), { as: stranger })).status, 404);
    });

    it('once at a time, and anew when that has ended', async () => {
      const as = await person();
      rig.shipping.failures = 1;
      const ask = async () => (await rig.service.request('POST', '/me/export', { as })).headers['location'];
      const [one, other] = await Promise.all([ask(), ask()]);
      assert.equal(one, other);
      await collected(as, one);
      const again = await ask();
      assert.notEqual(again, one);
      await collected(as, again);
    });
  });
});

describe('a service that is asked for a person’s data', () => {
  const person = { userId: 'u', email: 'u@example.com' };
  const orderIds = Array.from({ length: 501 }, (_, n) => `o-${n}`);

  it('gives it in pages, and is told of orders some hundred at a time if it knows people by those', async () => {
    const calls: { readonly cursor: unknown; readonly orders: number }[] = [];
    const call = async (
      _route: unknown,
      input: { query: { cursor?: string }; body: { orderIds: string[] } },
    ) => {
      const { cursor } = input.query;
      calls.push({ cursor, orders: input.body.orderIds.length });
      const next = cursor === undefined ? 'more' : null;
      return { status: 200, headers: {}, body: { data: { things: [calls.length], of: 'u' }, next } };
    };
    const client = { call } as unknown as Parameters<typeof createRemoteHolder>[1];
    const holder = createRemoteHolder('shipping', client, { byOrder: true });
    const { data } = await holder.export({ ...person, orderIds }, new AbortController().signal);
    assert.deepEqual(data, { things: [1, 2, 3, 4], of: 'u' });
    assert.deepEqual(calls, [
      { cursor: undefined, orders: 500 },
      { cursor: 'more', orders: 500 },
      { cursor: undefined, orders: 1 },
      { cursor: 'more', orders: 1 },
    ]);
    calls.length = 0;
    await createRemoteHolder('cart', client).export({ ...person, orderIds }, new AbortController().signal);
    assert.deepEqual(
      calls.map(({ orders }) => orders),
      [0, 0],
    );
  });
});
