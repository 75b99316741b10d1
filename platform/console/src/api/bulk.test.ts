import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { ORDER, sampleDeps } from '../../test/sample-deps.ts';
import { handleApi } from './routes.ts';

describe('changes of many', () => {
  const deps = sampleDeps();
  after(() => deps.close());

  const post = (path: string, body: Readonly<Record<string, unknown>>) =>
    handleApi(deps, { method: 'POST', segments: path.split('/'), query: new URLSearchParams(), body });
  const badRequest = { code: 'CONSOLE_BAD_REQUEST' };

  it('say first what they would be, and need a reason to be done', async () => {
    const dryRun = await post('sagas', { verb: 'retry', status: 'stuck', dryRun: true });
    assert.deepEqual(dryRun, { isDryRun: true, count: 1, of: 1, ids: [ORDER], missing: [] });
    assert.deepEqual(deps.orders, []);
    await assert.rejects(post('sagas', { verb: 'retry', status: 'stuck' }), badRequest);
    await assert.rejects(post('sagas', { verb: 'skip', reason: 'a test' }), badRequest);
  });

  it('retry every saga for which it is open, once', async () => {
    const order = { verb: 'retry', status: 'stuck', reason: 'shipping is back' };
    assert.deepEqual(await post('sagas', order), { count: 1, left: 0, refused: [], missing: [] });
    assert.equal(deps.orders.length, 1);
    assert.deepEqual(await post('sagas', order), { count: 0, left: 0, refused: [], missing: [] });
    assert.equal(deps.orders.length, 1, 'the same again finds none for which it is open');
  });

  it('redrive what a filter finds, at a pace, and say how many are left', async () => {
    const which = { action: 'redrive', filter: { type: 'order.confirmed.v1' } };
    assert.deepEqual(await post('letters/notification', { ...which, dryRun: true }), {
      count: 1,
      isDryRun: true,
    });
    for (const wrong of [
      { ...which, perSecond: 0 },
      { ...which, filter: { colour: 'red' } },
      { ...which, filter: {}, ids: ['7'] },
      { action: 'redrive', ids: [] },
      { action: 'redrive', ids: ["7'; --"] },
      { action: 'redrive' },
    ])
      await assert.rejects(post('letters/notification', { ...wrong, reason: 'a test' }), badRequest);
    const done = await post('letters/notification', {
      action: 'redrive',
      ids: ['7'],
      perSecond: 10,
      reason: 'mail is back',
    });
    assert.deepEqual(done, { count: 1, left: 0 });
    const rows = await deps.audit.list(10);
    assert.deepEqual(
      rows.map(({ what, reason, outcome }) => [what, reason, outcome]),
      [
        ['dead letters redrive', 'mail is back', '1'],
        ['saga retry', 'shipping is back', 'completed'],
      ],
    );
  });

  it('of projections, gateways, faults and accounts are open or refused by one word, and recorded', async () => {
    const rebuild = { verb: 'rebuild', reason: 'a test', newest: 2 };
    assert.deepEqual(await post('projections/order/order-view', rebuild), {
      ok: true,
      status: 'done: generation 2 is shown',
    });
    for (const wrong of [
      { ...rebuild, newest: 1 },
      { ...rebuild, verb: 'rollback' },
      { ...rebuild, reason: '' },
    ])
      await assert.rejects(post('projections/order/order-view', wrong), badRequest);
    await assert.rejects(post('projections/order/nothing', rebuild), { code: 'CONSOLE_NOT_FOUND' });
    await post('gateways/gateway-1', { action: 'eject', subject: 'http://127.0.0.1:1', reason: 'slow' });
    await post('gateways/gateway-1', {
      action: 'weights',
      subject: 'orders',
      order: { v1: 1 },
      reason: 'canary',
    });
    await assert.rejects(
      post('gateways/gateway-1', { action: 'weights', subject: 'orders', reason: 'a' }),
      badRequest,
    );
    await assert.rejects(post('gateways/gateway-9', { action: 'reload', reason: 'a' }), {
      code: 'CONSOLE_NOT_FOUND',
    });
    await post('faults', { action: 'add', edge: 'order→payment', parts: ['error=20%'], reason: 'a drill' });
    await assert.rejects(post('faults', { action: 'add', edge: '', parts: [], reason: 'a' }), badRequest);
    await post('identity', { action: 'end-session', subject: 's-1', reason: 'a lost phone' });
    await assert.rejects(post('identity', { action: 'end-session', reason: 'a' }), badRequest);
    await assert.rejects(
      post('identity', { action: 'rotate-secret', subject: 'web-app', reason: 'a' }),
      badRequest,
    );
    assert.deepEqual(deps.done, [
      '/instances/http%3A%2F%2F127.0.0.1%3A1/eject {}',
      '/routes/orders/weights {"v1":1}',
      'sessions end s-1 alice a lost phone',
    ]);
    assert.deepEqual(
      (await deps.audit.list(5)).map(({ what, by }) => `${what} ${by}`),
      [
        'end-session alice',
        'fault add alice',
        'gateway weights alice',
        'gateway eject alice',
        'projection rebuild alice',
      ],
    );
  });
});
