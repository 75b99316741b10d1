import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseIdempotencyKey, parseWaitMs } from './request.ts';

describe('the Idempotency-Key header', () => {
  it('is required', () => {
    for (const header of [undefined, ''])
      assert.deepEqual(parseIdempotencyKey(header), { ok: false, rejection: 'idempotency-key-required' });
  });

  it('takes 1 to 255 visible characters', () => {
    assert.deepEqual(parseIdempotencyKey('a'.repeat(255)), { ok: true, value: 'a'.repeat(255) });
    for (const header of ['a'.repeat(256), 'two, keys', 'tab\there', 'é']) {
      assert.deepEqual(parseIdempotencyKey(header), { ok: false, rejection: 'idempotency-key-invalid' });
    }
  });
});

describe('the Prefer header', () => {
  it('says how long to wait, up to 30 seconds', () => {
    assert.equal(parseWaitMs('wait=5'), 5_000);
    assert.equal(parseWaitMs('respond-async, wait=10'), 10_000);
    assert.equal(parseWaitMs('Wait = "7"'), 7_000);
    assert.equal(parseWaitMs('wait=900'), 30_000);
  });

  it('is ignored when it makes no sense', () => {
    for (const prefer of [undefined, '', 'wait', 'wait=0', 'wait=-1', 'wait=1.5', 'wait=abc', 'nowait=5']) {
      assert.equal(parseWaitMs(prefer), undefined);
    }
  });
});
