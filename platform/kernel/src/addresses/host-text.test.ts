import assert from 'node:assert/strict';
import { it } from 'node:test';
import { hostInUrl, withoutMapping } from './host-text.ts';

it('an IPv6 address stands in brackets in a URL, once', () => {
  for (const host of ['::1', '[::1]'])
    assert.equal(new URL(`http://${hostInUrl(host)}:80`).hostname, '[::1]');
  assert.equal(hostInUrl('127.0.0.1'), '127.0.0.1');
  assert.equal(hostInUrl('shop.test'), 'shop.test');
});

it('an IPv4 peer of a socket for both versions is an IPv4 address', () => {
  assert.equal(withoutMapping('::ffff:198.51.100.4'), '198.51.100.4');
  assert.equal(withoutMapping('::FFFF:198.51.100.4'), '198.51.100.4');
  for (const other of ['198.51.100.4', '::1', '::ffff:c633:6404', ''])
    assert.equal(withoutMapping(other), other);
});
