import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createTestVhost, skipWithoutRabbitmq } from '../../testing/rabbitmq.ts';
import { checkBroker } from './check-broker.ts';

describe('the look at a broker', { skip: skipWithoutRabbitmq() }, () => {
  it('tells one that lets us in from one that does not, and repeats no password', async () => {
    const vhost = await createTestVhost();
    try {
      await checkBroker(vhost.url);
      const stranger = new URL(vhost.url);
      stranger.username = 'guest';
      stranger.password = 'not-the-password';
      const elsewhere = new URL(vhost.url);
      elsewhere.pathname = '/no-such-vhost';
      for (const { href } of [stranger, elsewhere])
        await assert.rejects(checkBroker(href), (error: Error & { code: string }) => {
          assert.equal(error.code, 'MESSAGING_FORBIDDEN', String(error.cause));
          assert.doesNotMatch(error.message, /not-the-password/);
          return true;
        });
    } finally {
      await vhost.close();
    }
  });

  it('tells one that is not there', async () => {
    await assert.rejects(checkBroker('amqp://guest:guest@127.0.0.1:1'), { code: 'MESSAGING_UNAVAILABLE' });
  });
});
