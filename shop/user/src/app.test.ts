import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { uuidv7 } from '@flotilla/kernel';
import { eventually } from '@flotilla/kernel/testing';
import type { TestService } from '@flotilla/service/testing';
import { MAX_ADDRESSES, userRegistered } from '@shop/contracts';
import { startUser } from './testing.ts';

const graz = { name: 'Dana', line1: '1 Main Street', city: 'Graz', postalCode: '8010', country: 'AT' };

interface Saved {
  readonly id: string;
  readonly address: typeof graz;
  readonly isDefault: boolean;
  readonly version: number;
}

describe('the user service', () => {
  let service: TestService;
  before(async () => {
    ({ service } = await startUser());
  });
  after(() => service.close());

  /** A new person, with the claims of a token. */
  const person = (name = 'Dana') => {
    const sub = uuidv7();
    return { sub, email: `${sub}@example.com`, name, role: 'Customer', tenant_id: 'acme' };
  };
  const told = async (userId: string) => {
    const rows = await service.db.query<{ data: Record<string, unknown> }>(
      `SELECT envelope::jsonb->'data' AS data FROM outbox WHERE type = 'user.profile-changed.v1' ORDER BY id`,
    );
    return rows.map(({ data }) => data).filter((data) => data['userId'] === userId);
  };

  describe('shows a profile', () => {
    it('that was made of the event of the registration', async () => {
      const { sub, email, ...claims } = person();
      const registeredAt = '2026-01-02T03:04:05.000Z';
      await service.publish(userRegistered, { userId: sub, email, name: 'Dana Doe', registeredAt });
      const as = { sub, email, ...claims };
      await eventually('it has come', async () => {
        const { body } = await service.request('GET', '/me', { as });
        return body['name'] === 'Dana Doe';
      });
      const { status, headers, body } = await service.request('GET', '/me', { as });
      assert.equal(status, 200);
      assert.equal(headers['etag'], '"1"');
      assert.deepEqual(body, {
        ...{ id: sub, email, name: 'Dana Doe', role: 'Customer', tenantId: 'acme' },
        ...{ locale: 'en', notifications: { orders: true, shipping: true }, version: 1 },
        createdAt: registeredAt,
      });
    });

    it('of who has just registered, by what the token says', async () => {
      const as = person('Just Registered');
      const { status, body } = await service.request('GET', '/me', { as });
      assert.equal(status, 200);
      assert.deepEqual([body['name'], body['email'], body['version']], [as.name, as.email, 0]);
      assert.ok(Math.abs(Date.parse(String(body['createdAt'])) - Date.now()) < 60_000);
    });

    it('to nobody who is not a person', async () => {
      assert.equal((await service.request('GET', '/me', { as: { sub: 'order' } })).status, 404);
      assert.equal((await service.request('GET', '/me')).status, 401);
    });
  });

  describe('changes a profile', () => {
    it('in what is named, also before its event has come, which then changes nothing', async () => {
      const as = person();
      const body = { name: 'Dana Doe', notifications: { shipping: false } };
      const changed = await service.request('PATCH', '/me', { as, body });
      assert.equal(changed.status, 200);
      assert.deepEqual(changed.body['notifications'], { orders: true, shipping: false });
      const late = await service.publish(userRegistered, { userId: as.sub, email: as.email, name: 'Dana' });
      await eventually('the event has come', async () => {
        const rows = await service.db.query('SELECT FROM inbox WHERE message_id = $1', [late]);
        return rows.length === 1;
      });
      const { body: shown } = await service.request('GET', '/me', { as });
      assert.deepEqual(shown, changed.body);
      assert.deepEqual(
        (await told(as.sub)).map(({ name, version, locale }) => [name, version, locale]),
        [['Dana Doe', 2, 'en']],
      );
    });

    it('and tells nobody of what changes nothing', async () => {
      const as = person();
      for (const body of [{}, { name: 'Dana' }, { notifications: { orders: true } }])
        assert.equal((await service.request('PATCH', '/me', { as, body })).status, 200);
      assert.deepEqual(await told(as.sub), []);
    });

    it('for one of two who have seen the same version', async () => {
      const as = person();
      const { headers } = await service.request('PATCH', '/me', { as, body: { locale: 'de-AT' } });
      const ifMatch = { 'if-match': String(headers['etag']) };
      const answers = await Promise.all(
        ['One', 'Other'].map((name) =>
          service.request('PATCH', '/me', { as, body: { name }, headers: ifMatch }),
        ),
      );
      assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 412]);
      const lost = answers.find(({ status }) => status === 412);
      assert.equal(lost?.body['code'], 'version-changed');
      assert.equal(lost?.headers['etag'], '"3"');
    });

    it('whoever saw only the token may name its version', async () => {
      const as = person();
      const { headers } = await service.request('GET', '/me', { as });
      const ifMatch = { 'if-match': String(headers['etag']) };
      const { status } = await service.request('PATCH', '/me', {
        as,
        body: { locale: 'de' },
        headers: ifMatch,
      });
      assert.equal(status, 200);
    });

    it('never into what cannot be', async () => {
      const as = person();
      for (const body of [
        { name: '' },
        { name: 'two\nlines' },
        { locale: 'not a locale' },
        { notifications: { everything: true } },
        { email: 'other@example.com' },
        { role: 'Admin' },
      ])
        assert.equal((await service.request('PATCH', '/me', { as, body })).status, 400, JSON.stringify(body));
    });
  });

  describe('keeps addresses', () => {
    const add = (as: object, body: object = graz) =>
      service.request<Saved>('POST', '/me/addresses', { as: { ...as }, body });
    const list = async (as: object, query = '') => {
      const { body } = await service.request<{ items: Saved[]; next: string | null }>(
        'GET',
        `/me/addresses${query}`,
        { as: { ...as } },
      );
      return body;
    };

    it('that are added, changed and removed', async () => {
      const as = person();
      const added = await add(as);
      assert.equal(added.status, 201);
      const { id } = added.body;
      assert.equal(added.headers['location'], `/me/addresses/${id}`);
      const vienna = { ...graz, city: 'Vienna', postalCode: '1010' };
      const put = await service.request<Saved>('PUT', `/me/addresses/${id}`, { as, body: vienna });
      assert.deepEqual(put.body, { id, address: vienna, isDefault: true, version: 2 });
      assert.deepEqual(await list(as), { items: [put.body], next: null });
      assert.equal((await service.request('DELETE', `/me/addresses/${id}`, { as })).status, 204);
      assert.equal((await service.request('DELETE', `/me/addresses/${id}`, { as })).status, 404);
      assert.deepEqual((await list(as)).items, []);
    });

    it('once, however often they are added', async () => {
      const as = person();
      const answers = await Promise.all([add(as), add(as), add(as)]);
      assert.equal(new Set(answers.map(({ body }) => body.id)).size, 1);
      assert.equal((await list(as)).items.length, 1);
    });

    it('in pages', async () => {
      const as = person();
      const ids: string[] = [];
      for (const line1 of ['1', '2', '3']) ids.push((await add(as, { ...graz, line1 })).body.id);
      const first = await list(as, '?limit=2');
      const second = await list(as, `?limit=2&cursor=${first.next}`);
      assert.deepEqual(
        [...first.items, ...second.items].map(({ id }) => id),
        ids,
      );
      assert.equal(second.next, null);
      const { status, body } = await service.request('GET', '/me/addresses?cursor=bm9uc2Vuc2U', { as });
      assert.deepEqual([status, body['code']], [400, 'invalid-cursor']);
    });

    it('of which the first is the default until another one is, and never two', async () => {
      const as = person();
      const ids: string[] = [];
      for (const line1 of ['1', '2', '3']) ids.push((await add(as, { ...graz, line1 })).body.id);
      const defaults = async () => (await list(as)).items.filter((one) => one.isDefault).map(({ id }) => id);
      const prefer = (id: string | undefined, who = as) =>
        service.request('PUT', `/me/addresses/${id}/default`, { as: who });
      assert.deepEqual(await defaults(), ids.slice(0, 1));
      assert.equal((await prefer(ids[1])).status, 204);
      assert.deepEqual(await defaults(), ids.slice(1, 2));
      assert.equal((await list(as)).items[1]?.version, 1, 'the address is as it was');
      const both = await Promise.all([prefer(ids[0]), prefer(ids[2]), prefer(ids[0]), prefer(ids[2])]);
      assert.deepEqual([...new Set(both.map(({ status }) => status))], [204]);
      assert.equal((await defaults()).length, 1);
      for (const odd of ['no-uuid', uuidv7()]) assert.equal((await prefer(odd)).status, 404);
      const stranger = person('Eve');
      assert.equal((await prefer(ids[1], stranger)).status, 404);
      const [preferred = ''] = await defaults();
      await service.request('DELETE', `/me/addresses/${preferred}`, { as });
      assert.deepEqual(await defaults(), [], 'nobody chooses for them');
    });

    it('that nobody else can see or change', async () => {
      const as = person();
      const stranger = person('Eve');
      const { id } = (await add(as)).body;
      assert.deepEqual((await list(stranger)).items, []);
      const body = { ...graz, city: 'Elsewhere' };
      assert.equal((await service.request('PUT', `/me/addresses/${id}`, { as: stranger, body })).status, 404);
      assert.equal((await service.request('DELETE', `/me/addresses/${id}`, { as: stranger })).status, 404);
      assert.deepEqual((await list(as)).items[0]?.address, graz);
    });

    it('of which nobody loses a change', async () => {
      const as = person();
      const { id } = (await add(as)).body;
      const headers = { 'if-match': '"1"' };
      const put = (city: string) =>
        service.request('PUT', `/me/addresses/${id}`, { as, body: { ...graz, city }, headers });
      const answers = await Promise.all([put('One'), put('Other')]);
      assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 412]);
      const removed = await service.request('DELETE', `/me/addresses/${id}`, { as, headers });
      assert.equal(removed.status, 412);
      for (const odd of ['no-uuid', uuidv7()])
        assert.equal((await service.request('PUT', `/me/addresses/${odd}`, { as, body: graz })).status, 404);
    });

    it('no more than there is room for, however many are added at once', async () => {
      const as = person();
      const answers = await Promise.all(
        Array.from({ length: MAX_ADDRESSES + 5 }, (_, n) => add(as, { ...graz, line1: `${n} Main Street` })),
      );
      const count = (status: number) => answers.filter((answer) => answer.status === status).length;
      assert.deepEqual([count(201), count(422)], [MAX_ADDRESSES, 5]);
    });
  });
});
