import assert from 'node:assert/strict';
import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { test } from 'node:test';
import { clientAddressOf } from './client-address.ts';

function from(peer: string | undefined, realIp?: string): string {
  const socket = new Socket();
  Object.defineProperty(socket, 'remoteAddress', { value: peer });
  const request = new IncomingMessage(socket);
  if (realIp !== undefined) request.headers['x-real-ip'] = realIp;
  return clientAddressOf(request);
}

test('the client is whom the gateway names', () => {
  assert.equal(from('127.0.0.1', '203.0.113.7'), '203.0.113.7');
  assert.equal(from('127.0.0.1', '2001:db8::1'), '2001:db8::1');
  assert.equal(from('127.0.0.1', '::ffff:203.0.113.7'), '203.0.113.7');
});

test('without a gateway, or with nonsense in its field, it is the peer', () => {
  assert.equal(from('198.51.100.4'), '198.51.100.4');
  assert.equal(from('::ffff:198.51.100.4', 'unknown'), '198.51.100.4');
  assert.equal(from('198.51.100.4', '203.0.113.7, 203.0.113.8'), '198.51.100.4');
  assert.equal(from(undefined), '');
});
