import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { clientAddress } from './client-address.ts';

describe('the address of a client', () => {
  it('is the hop that the gateway added, never what the client claims', () => {
    assert.equal(clientAddress('127.0.0.1', '10.9.9.9, 203.0.113.7'), '203.0.113.7');
  });

  it('is the peer when there is no gateway in between, or nonsense in the header', () => {
    assert.equal(clientAddress('198.51.100.4', undefined), '198.51.100.4');
    assert.equal(clientAddress('198.51.100.4', 'unknown'), '198.51.100.4');
    assert.equal(clientAddress('::ffff:198.51.100.4', undefined), '198.51.100.4');
  });

  it('counts an IPv6 network as one', () => {
    assert.equal(clientAddress('2001:db8:1:2:aaaa:bbbb:cccc:dddd', undefined), '2001:db8:1:2::/64');
    assert.equal(clientAddress('2001:DB8:0001:2::1', undefined), '2001:db8:1:2::/64');
    assert.equal(clientAddress('2001:db8::1', undefined), '2001:db8:0:0::/64');
    assert.equal(clientAddress('::1', undefined), '0:0:0:0::/64');
  });
});
