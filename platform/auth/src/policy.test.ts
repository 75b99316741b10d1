import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { allOf, anyOf, authenticated, requirePermission, requireRole, requireScope } from './policy.ts';
import type { Principal } from './principal.ts';

const caller: Principal = {
  subject: 'u',
  role: 'Customer',
  scopes: new Set(['orders.read']),
  permissions: new Set(['orders.write']),
  token: 't',
};

describe('policies', () => {
  it('look at role, permission and scope, each in its own place', () => {
    assert.equal(authenticated.allows(caller), true);
    assert.equal(requireRole('Customer').allows(caller), true);
    assert.equal(requireRole('Admin').allows(caller), false);
    assert.equal(requirePermission('orders.write').allows(caller), true);
    assert.equal(requirePermission('orders.read').allows(caller), false, 'a scope is no permission');
    assert.equal(requireScope('orders.read').allows(caller), true);
    assert.equal(requireScope('orders').allows(caller), false);
  });

  it('combine, and their names say how', () => {
    const both = allOf(requireRole('Admin'), requireScope('orders.read'));
    const either = anyOf(requireRole('Admin'), requireScope('orders.read'));
    assert.deepEqual([both.allows(caller), either.allows(caller)], [false, true]);
    assert.equal(both.name, 'role:Admin and scope:orders.read');
    assert.equal(either.name, 'role:Admin or scope:orders.read');
  });
});
