import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseBrokerUrl } from './broker-url.ts';

describe('the URL of a broker', () => {
  it('is read with its defaults', () => {
    const { shown, connect } = parseBrokerUrl('amqp://localhost');
    assert.equal(shown, 'amqp://localhost:5672/');
    assert.deepEqual(
      [connect.port, connect.username, connect.password, connect.vhost],
      [5672, 'guest', 'guest', '%2F'],
    );
    assert.equal(parseBrokerUrl('amqps://broker.example').connect.port, 5671);
  });

  it('is decoded where it is percent-encoded, and shows no secret', () => {
    const { shown, connect } = parseBrokerUrl('amqp://shop%40eu:p%2Fw@[::1]:5673/team%2Fa');
    assert.equal(shown, 'amqp://[::1]:5673/team/a');
    assert.deepEqual(
      [connect.hostname, connect.username, connect.password, connect.vhost],
      ['::1', 'shop@eu', 'p/w', 'team%2Fa'],
    );
  });

  it('is refused without being repeated when it is not one', () => {
    for (const url of ['secret', 'http://u:secret@host', 'amqp://u:%zzsecret@host', 'amqp:secret']) {
      assert.throws(
        () => parseBrokerUrl(url),
        (error: unknown) => error instanceof RangeError && !error.message.includes('secret'),
        url,
      );
    }
  });
});
