export type Role = 'Customer' | 'Admin';

export interface Account {
  readonly id: string;
  readonly email: string;
  readonly name: string;
  readonly role: Role;
  readonly tenantId: string | null;
  readonly permissions: readonly string[];
  readonly createdAt: Date;
}

/** Two addresses with the same key are the same account. */
export function emailKey(email: string): string {
  return email.normalize('NFKC').toLowerCase();
}

const CUSTOMER_PERMISSIONS: readonly string[] = ['orders.read', 'orders.write', 'inventory.read'];

export function permissionsOf(role: Role): readonly string[] {
  return role === 'Admin' ? [...CUSTOMER_PERMISSIONS, 'inventory.write'] : CUSTOMER_PERMISSIONS;
}

/**
 * What a login may delegate. Scopes that write stock belong to services alone: an admin has the permission,
 * no token of an admin has the scope.
 */
export const LOGIN_SCOPE: string = ['openid', 'profile', 'email', ...CUSTOMER_PERMISSIONS].join(' ');
