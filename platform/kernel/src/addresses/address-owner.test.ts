import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { addressOwner } from './address-owner.ts';

describe('whom an address stands for', () => {
  for (const [address, owner] of [
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::FFFF:c000:201', '192.0.2.1'],
    ['::ffff:255.255.255.255', '255.255.255.255'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:DB8:0001:2::1', '2001:db8:1:2::/64'],
    ['2001:db8:1:3::1', '2001:db8:1:3::/64'],
    ['2001:db8::1', '2001:db8::/64'],
    ['2001:0:0:1::', '2001:0:0:1::/64'],
    ['::1', '::/64'],
    ['::', '::/64'],
    ['fe80::1%eth0', 'fe80::/64'],
    ['', ''],
    ['unknown:host', 'unknown:host'],
  ] as const)
    it(`of ${address || 'nothing'} is ${owner || 'nothing'}`, () =>
      assert.equal(addressOwner(address), owner));
});
