import assert from 'node:assert/strict';
import { it } from 'node:test';
import { createQueryClient } from './query-client.ts';
import { RequestError } from './request.ts';

it('a read is tried again when that can help, and not by somebody who has waited for long', () => {
  const retry = createQueryClient().getDefaultOptions().queries?.retry;
  assert.ok(typeof retry === 'function');
  const away = { status: 503, code: 'temporarily-unavailable', retryAfterMs: 1_000 };
  for (const [answer, expected] of [
    [away, true],
    [{ ...away, status: 0 }, true],
    [{ ...away, status: 429 }, true],
    [{ ...away, retryAfterMs: 60_000 }, false],
    [{ ...away, tookMs: 4_000 }, false],
    [{ ...away, status: 404 }, false],
  ] as const)
    assert.equal(retry(0, new RequestError(answer)), expected, JSON.stringify(answer));
  assert.equal(retry(2, new RequestError(away)), false);
  assert.equal(retry(0, new TypeError('a fault of the page')), false);
});
