import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { DeadLetter } from '@flotilla/messaging';
import { letterDetails, lettersTable } from './dead-letter-view.ts';

const letter: DeadLetter = {
  id: '3',
  consumer: 'mailer',
  messageId: '0199a1b2-0000-7000-8000-000000000001',
  type: 'order.placed.v1',
  key: 'order-1',
  body: '{"data":{"orderId":"order-1"}}',
  reason: `it failed 5 times: ${'x'.repeat(100)}\nand more`,
  error: 'Error: no route\n    at send (mail.ts:3)',
  attempts: [{ at: '2026-01-10T11:59:00.000Z', error: 'Error: no route' }],
  failures: 5,
  crashes: 1,
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  enqueuedAt: new Date('2026-01-10T11:58:00Z'),
  deadAt: new Date('2026-01-10T12:00:00Z'),
};

describe('dead letters on a terminal', () => {
  it('are a line each, with the way to see more', () => {
    const shown = lettersTable([{ service: 'mail', letters: [letter], next: '3' }]);
    const [head = '', row = '', more] = shown.split('\n');
    assert.match(head, /^SERVICE +ID +GIVEN UP/);
    assert.match(row, /^mail +3 +2026-01-10T12:00:00 +order\.placed\.v1 +order-1 +5, 1 crashes +it failed 5/);
    assert.ok(row.endsWith('…'), row);
    assert.equal(more, 'mail has more: flotilla dlq list mail --after 3');
    assert.equal(lettersTable([{ service: 'mail', letters: [] }]), 'No message was given up.');
  });

  it('show exception, attempts, trace and body of one', () => {
    const shown = letterDetails(letter);
    for (const part of ['at send (mail.ts:3)', '11:59:00.000Z  Error: no route', '0af7651916cd', '"orderId"'])
      assert.ok(shown.includes(part), part);
  });

  it('let no control character of a foreign body reach the terminal', () => {
    const shown = letterDetails({ ...letter, body: 'not json \u001b[2J\u0007', error: null, attempts: [] });
    assert.ok(!/[^\P{Cc}\n]/u.test(shown));
    assert.ok(shown.includes('not json \u{FFFD}[2J\u{FFFD}'));
  });
});
