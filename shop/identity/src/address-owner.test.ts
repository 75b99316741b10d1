import assert from 'node:assert/strict';
import { it } from 'node:test';
import { addressOwner } from './address-owner.ts';

it('an IPv6 network counts as one address', () => {
  assert.equal(addressOwner('198.51.100.4'), '198.51.100.4');
  assert.equal(addressOwner('2001:db8:1:2:aaaa:bbbb:cccc:dddd'), '2001:db8:1:2::/64');
  assert.equal(addressOwner('2001:DB8:0001:2::1'), '2001:db8:1:2::/64');
  assert.equal(addressOwner('2001:db8::1'), '2001:db8:0:0::/64');
  assert.equal(addressOwner('::1'), '0:0:0:0::/64');
});
