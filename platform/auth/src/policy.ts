import { PlatformError } from '@flotilla/kernel';
import type { AuthErrorCode } from './errors.ts';
import { isServiceAlone, type Principal } from './principal.ts';

/** A named rule over the caller. Routes refer to policies; contracts and docs show their names. */
export interface Policy {
  readonly name: string;
  allows(principal: Principal): boolean;
}

/** What a route, a method or a handler says of its callers: `'public'` is everybody, and has to be said. */
export type Access = 'public' | Policy;

/**
 * The access that was declared for `what`. Throws `AUTH_POLICY_MISSING` where there is none: what nobody decided about
 * must not be served to everybody. The types say the same, but not to those who do without them.
 */
export function requireAccess(access: unknown, what: string): Access {
  if (access === 'public' || isPolicy(access)) return access;
  throw new PlatformError<AuthErrorCode>(
    'AUTH_POLICY_MISSING',
    `${what} does not say who may call it: its access must be 'public' or a policy`,
    { retryable: false, details: { what } },
  );
}

function isPolicy(value: unknown): value is Policy {
  if (typeof value !== 'object' || value === null) return false;
  return (
    'name' in value &&
    typeof value.name === 'string' &&
    'allows' in value &&
    typeof value.allows === 'function'
  );
}

/** Anybody with a valid token. */
export const authenticated: Policy = { name: 'authenticated', allows: () => true };

/** A user, by whichever client or service; no service by itself. */
export const anyUser: Policy = { name: 'any user', allows: (principal) => !isServiceAlone(principal) };

export function requireRole(role: string): Policy {
  return { name: `role:${role}`, allows: (principal) => principal.role === role };
}

export function requirePermission(permission: string): Policy {
  return { name: `permission:${permission}`, allows: (principal) => principal.permissions.has(permission) };
}

export function requireScope(scope: string): Policy {
  return { name: `scope:${scope}`, allows: (principal) => principal.scopes.has(scope) };
}

/** One of these services calls, by itself or in the name of a user. */
export function calledBy(...services: readonly string[]): Policy {
  return {
    name: `called by ${services.join(' or ')}`,
    allows: ({ service }) => service !== undefined && services.includes(service),
  };
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

/** A thing that belongs to somebody. */
export interface Owned {
  readonly ownerId: string;
  /** `null` and `undefined`: of no tenant. */
  readonly tenantId?: string | null | undefined;
}

/** Is it the caller's own? In another tenant nobody owns anything. */
export function isOwner(principal: Principal, { ownerId, tenantId }: Owned): boolean {
  return principal.subject === ownerId && isSameTenant(principal, { tenantId });
}

/** Are the caller and the thing of one tenant? What has none is everybody's. */
export function isSameTenant(
  { tenantId: callers }: Principal,
  { tenantId }: Pick<Owned, 'tenantId'>,
): boolean {
  return tenantId === undefined || tenantId === null || tenantId === callers;
}
