import type { Principal } from './principal.ts';

/** A named rule over the caller. Routes refer to policies; contracts and docs show their names. */
export interface Policy {
  readonly name: string;
  allows(principal: Principal): boolean;
}

/** Anybody with a valid token. */
export const authenticated: Policy = { name: 'authenticated', allows: () => true };

export function requireRole(role: string): Policy {
  return { name: `role:${role}`, allows: (principal) => principal.role === role };
}

export function requirePermission(permission: string): Policy {
  return { name: `permission:${permission}`, allows: (principal) => principal.permissions.has(permission) };
}

export function requireScope(scope: string): Policy {
  return { name: `scope:${scope}`, allows: (principal) => principal.scopes.has(scope) };
}

export function allOf(...policies: readonly Policy[]): Policy {
  return {
    name: policies.map((policy) => policy.name).join(' and '),
    allows: (principal) => policies.every((policy) => policy.allows(principal)),
  };
}

export function anyOf(...policies: readonly Policy[]): Policy {
  return {
    name: policies.map((policy) => policy.name).join(' or '),
    allows: (principal) => policies.some((policy) => policy.allows(principal)),
  };
}
