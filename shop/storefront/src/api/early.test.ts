import assert from 'node:assert/strict';
import { it, mock } from 'node:test';
import { askEarly, takeEarly } from './early.ts';
import { RequestError, request } from './request.ts';

it('what was asked for early is the first answer, and none after it', async (t) => {
  const asked: string[] = [];
  const answer = async (path: unknown) => {
    asked.push(String(path));
    return Response.json({ asked: asked.length });
  };
  mock.method(globalThis, 'fetch', answer);
  t.after(() => mock.restoreAll());
  askEarly('/web/home');
  assert.deepEqual(await request('/products/sku-1'), { asked: 2 });
  assert.deepEqual(await request('/web/home', { method: 'POST' }), { asked: 3 });
  assert.deepEqual(await request('/web/home'), { asked: 1 });
  assert.deepEqual(await request('/web/home'), { asked: 4 });
  assert.equal(takeEarly('/web/home'), undefined);
});

it('a failure of it is one like any other, and the next question is asked again', async (t) => {
  let isAway = true;
  const answer = async () => (isAway ? Promise.reject(new TypeError('away')) : Response.json({}));
  mock.method(globalThis, 'fetch', answer);
  t.after(() => mock.restoreAll());
  askEarly('/web/home');
  await assert.rejects(
    request('/web/home'),
    (error) => error instanceof RequestError && error.code === 'unreachable',
  );
  isAway = false;
  assert.deepEqual(await request('/web/home'), {});
});
