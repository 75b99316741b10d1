import { allOf, calledBy, type Policy, requirePermission, requireRole, requireScope } from '@flotilla/auth';

/** The shop's policies (guide, chapter 7). */
export const adminOnly: Policy = { ...requireRole('Admin'), name: 'AdminOnly' };
export const canManageOrders: Policy = { ...requirePermission('orders.write'), name: 'CanManageOrders' };
export const canReadOrders: Policy = { ...requireScope('orders.read'), name: 'CanReadOrders' };

/** What services do to each other; users never hold the scopes that write, and money moves for orders alone. */
export const canReadInventory: Policy = requireScope('inventory.read');
export const canWriteInventory: Policy = requireScope('inventory.write');
export const canTakePayments: Policy = allOf(calledBy('order'), requireScope('payment.write'));
export const canShip: Policy = allOf(calledBy('order'), requireScope('shipping.write'));
/** Old orders are moved by who takes them over. */
export const canMoveOrders: Policy = allOf(calledBy('order'), requireScope('legacy.write'));
export const canPrice: Policy = requireScope('pricing.write');
