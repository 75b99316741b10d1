import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { errorMessage, rawLine, readableLine } from './log-view.ts';

const error = JSON.stringify({
  level: 'error',
  time: '2026-11-24T10:40:07.123Z',
  service: 'order',
  instance: 'order-1',
  orderId: 'o1',
  err: { message: 'refused', stack: 'Error: refused' },
  msg: 'the payment failed',
});

describe('a log line', () => {
  it('is one readable line for people', () => {
    const shown = stripVTControlCharacters(readableLine('order-1', error));
    assert.equal(shown, '10:40:07.123 error order-1  the payment failed  (refused)  orderId=o1');
    assert.equal(readableLine('order-1', 'not JSON'), 'order-1  not JSON');
    assert.equal(readableLine('order-1', '{half'), 'order-1  {half');
  });

  it('is JSON for programs, whatever the process wrote', () => {
    assert.equal(rawLine('order-1', error), error);
    assert.equal(rawLine('order-1', 'not JSON'), '{"instance":"order-1","msg":"not JSON"}');
  });

  it('is looked at for errors', () => {
    assert.equal(errorMessage(error), 'the payment failed: refused');
    assert.equal(errorMessage('{"level":"info","msg":"\\"level\\":\\"error\\""}'), undefined);
    assert.equal(errorMessage('{"level":"error"'), undefined);
  });
});
