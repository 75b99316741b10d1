import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  allOf,
  anyOf,
  anyUser,
  authenticated,
  calledBy,
  isOwner,
  isSameTenant,
  requireAccess,
  requirePermission,
  requireRole,
  requireScope,
} from './policy.ts';
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

  it('tell a user, a service, and a service that calls for a user apart', () => {
    const service: Principal = { ...caller, subject: 'cart', service: 'cart' };
    const forUser: Principal = { ...caller, service: 'cart' };
    for (const [who, isUser, isCart] of [
      [caller, true, false],
      [service, false, true],
      [forUser, true, true],
    ] as const) {
      assert.equal(anyUser.allows(who), isUser);
      assert.equal(calledBy('order', 'cart').allows(who), isCart);
      assert.equal(calledBy('order').allows(who), false);
    }
    assert.equal(calledBy('order', 'cart').name, 'called by order or cart');
  });

  it('know whose a thing is; in another tenant nothing is', () => {
    const mine = { ...caller, tenantId: 'acme' };
    const ownerId = caller.subject;
    assert.equal(isOwner(mine, { ownerId }), true);
    assert.equal(isOwner(mine, { ownerId, tenantId: 'acme' }), true);
    assert.equal(isOwner(mine, { ownerId, tenantId: 'globex' }), false);
    assert.equal(isOwner(mine, { ownerId: 'somebody', tenantId: 'acme' }), false);
    assert.equal(isSameTenant(mine, { tenantId: null }), true);
    assert.equal(isSameTenant(caller, { tenantId: 'acme' }), false, 'a caller without a tenant');
  });

  it('have to be there: everybody is said, not left out', () => {
    assert.equal(requireAccess('public', 'GET /x'), 'public');
    assert.equal(requireAccess(authenticated, 'GET /x'), authenticated);
    for (const nothing of [undefined, null, '', 'anonymous', {}, { name: 'x' }])
      assert.throws(() => requireAccess(nothing, 'GET /x'), { code: 'AUTH_POLICY_MISSING' });
  });
});
