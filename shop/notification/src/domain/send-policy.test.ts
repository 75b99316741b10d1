import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isRefusedForGood, retryDelayMs } from './send-policy.ts';

describe('a mail that could not be sent', () => {
  it('is tried again after a second, then after ever longer, at most five minutes', () => {
    const delays = [1, 2, 3, 9, 10, 1_000].map((attempts) => retryDelayMs(attempts, 0));
    assert.deepEqual(delays, [1_000, 2_000, 4_000, 256_000, 300_000, 300_000]);
  });

  it('is given up after five days', () => {
    assert.equal(retryDelayMs(2_000, 5 * 24 * 3_600_000 + 1), undefined);
  });

  it('is given up at once only when the server refuses this very mail for good', () => {
    assert.ok(isRefusedForGood({ code: 'EENVELOPE', command: 'RCPT TO', responseCode: 550 }));
    assert.ok(isRefusedForGood({ code: 'EMESSAGE', command: 'DATA', responseCode: 554 }));
    assert.ok(isRefusedForGood({ code: 'EENVELOPE', command: 'API' }));
    assert.ok(!isRefusedForGood({ code: 'EENVELOPE', command: 'RCPT TO', responseCode: 450 }));
    assert.ok(!isRefusedForGood({ code: 'EAUTH', command: 'AUTH PLAIN', responseCode: 535 }));
    assert.ok(!isRefusedForGood({ code: 'EENVELOPE', command: 'MAIL FROM', responseCode: 550 }));
    assert.ok(!isRefusedForGood({ code: 'ECONNECTION' }));
  });
});
