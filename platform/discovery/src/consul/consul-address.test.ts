import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { accept } from '@flotilla/kernel';
import { consulUrl } from './consul-address.ts';

describe('CONSUL_HTTP_ADDR', () => {
  it('is read as by the clients of Consul', () => {
    for (const [address, url] of [
      ['127.0.0.1:8500', 'http://127.0.0.1:8500'],
      ['consul.internal', 'http://consul.internal'],
      ['http://127.0.0.1:8500/', 'http://127.0.0.1:8500'],
      ['https://consul.internal:8501', 'https://consul.internal:8501'],
      ['[::1]:8500', 'http://[::1]:8500'],
    ] as const)
      assert.deepEqual(consulUrl(address), accept(url));
    assert.deepEqual(consulUrl('consul.internal:8501', true), accept('https://consul.internal:8501'));
  });

  it('is nothing else', () => {
    for (const address of ['', 'unix:///run/consul.sock', 'ftp://x', 'http://', 'a b', 'http://u:p@x'])
      assert.equal(consulUrl(address).ok, false, address);
  });
});
