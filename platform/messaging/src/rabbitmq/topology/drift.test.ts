import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { declarationError } from './drift.ts';

function closed(code: number, text: string): Error {
  return Object.assign(new Error(`Operation failed: QueueDeclare; ${code} with message "${text}"`), { code });
}

describe('a declaration the broker refuses', () => {
  it('is told as a difference that can be read', () => {
    const error = declarationError(
      closed(
        406,
        "PRECONDITION_FAILED - inequivalent arg 'x-delivery-limit' for queue 'order.00' in vhost '/': received '50' but current is '20'",
      ),
    );
    assert.equal(error.code, 'MESSAGING_TOPOLOGY_DRIFT');
    assert.equal(error.retryable, false);
    assert.match(error.message, /^queue order\.00: x-delivery-limit is 20, declared 50; configure the value/);
    assert.deepEqual(error.details, {
      kind: 'queue',
      name: 'order.00',
      argument: 'x-delivery-limit',
      found: '20',
      wanted: '50',
    });
  });

  it('tells of an argument that one side does not have', () => {
    const text =
      "PRECONDITION_FAILED - inequivalent arg 'x-single-active-consumer' for queue 'order.00' in vhost '/': received none but current is the value 'true' of type 'bool'";
    assert.match(
      declarationError(closed(406, text)).message,
      /x-single-active-consumer is true, declared none/,
    );
  });

  it('is a missing permission when the broker says so', () => {
    const text = "ACCESS_REFUSED - access to exchange 'x.y.v1' in vhost '/' refused for user 'order'";
    assert.equal(declarationError(closed(403, text)).code, 'MESSAGING_FORBIDDEN');
  });

  it('is a broker that is away otherwise, and worth another try', () => {
    const error = declarationError(new Error('channel closed'));
    assert.deepEqual([error.code, error.retryable], ['MESSAGING_UNAVAILABLE', true]);
  });
});
