import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PlatformError } from '@flotilla/kernel';
import { httpError } from '../errors.ts';
import { type FailedAttempt, retryDelayMs } from './retry-policy.ts';

const unsent = httpError('HTTP_UNAVAILABLE', 'x', { retryable: true, details: { sent: false } });
const broken = httpError('HTTP_UNAVAILABLE', 'x', { retryable: true, details: { sent: true } });
const advised = httpError('HTTP_UNAVAILABLE', 'x', { retryable: true, details: { retryAfterMs: 2_000 } });

const decide = (failed: Partial<FailedAttempt>) =>
  retryDelayMs({ error: unsent, attempt: 1, repeatable: false, remainingMs: 5_000, random: 0.5, ...failed });

test('what was never sent is tried again for as long as a restart takes', () => {
  assert.equal(decide({}), 20);
  const waits = Array.from({ length: 40 }, (_, n) => decide({ attempt: n + 1 })).filter(
    (ms) => ms !== undefined,
  );
  assert.equal(waits.length, 23);
  const totalMs = waits.reduce((sum, ms) => sum + ms, 0);
  assert.ok(totalMs > 3_500 && totalMs < 5_500, `${totalMs} ms`);
});

test('what may have been carried out is tried again only when it is repeatable, twice at most', () => {
  assert.equal(decide({ error: broken }), undefined);
  assert.equal(decide({ error: broken, repeatable: true }), 50);
  assert.equal(decide({ error: broken, repeatable: true, attempt: 2 }), 100);
  assert.equal(decide({ error: broken, repeatable: true, attempt: 3 }), undefined);
});

test('a missing instance is like an unreachable one', () => {
  const none = new PlatformError('DISCOVERY_NO_ENDPOINT', 'x', { retryable: true });
  assert.notEqual(decide({ error: none }), undefined);
});

test('terminal errors, timeouts and unknown faults end the call', () => {
  const ended = [
    httpError('HTTP_UNEXPECTED_STATUS', 'x'),
    httpError('HTTP_BAD_RESPONSE', 'x'),
    httpError('HTTP_ABORTED', 'x'),
    httpError('HTTP_TIMEOUT', 'x', { retryable: true }),
    new TypeError('a defect'),
  ];
  for (const error of ended) assert.equal(decide({ error, repeatable: true }), undefined, error.message);
});

test('the service is not asked again before it said', () => {
  assert.equal(decide({ error: advised, repeatable: true }), 2_000);
});

test('no wait reaches beyond the deadline', () => {
  assert.equal(decide({ error: advised, repeatable: true, remainingMs: 1_999 }), undefined);
  assert.equal(decide({ remainingMs: 20 }), undefined);
});

test('the wait is spread over its whole range', () => {
  assert.equal(decide({ random: 0 }), 0);
  assert.equal(decide({ random: 0.999, attempt: 3 }), 0.999 * 160);
});
