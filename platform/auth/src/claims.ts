import type { JWTPayload } from 'jose';
import { tokenInvalid } from './errors.ts';
import type { Principal } from './principal.ts';

const NUMERIC_DATES = ['exp', 'iat', 'nbf'] as const;

/** Whole seconds since the epoch only: strings, fractions and absurd numbers are refused. */
export function assertNumericDates(claims: JWTPayload): void {
  for (const name of NUMERIC_DATES) {
    const value: unknown = claims[name];
    if (value !== undefined && !(Number.isSafeInteger(value) && Number(value) >= 0))
      throw tokenInvalid('claim');
  }
}

/** Reads the caller out of verified claims. Throws `AUTH_TOKEN_INVALID` on a claim of the wrong type. */
export function principalOf(claims: JWTPayload, token: string): Principal {
  const subject = text(claims, 'sub');
  if (subject === undefined || subject === '' || (text(claims, 'jti') ?? '') === '')
    throw tokenInvalid('claim');
  const email = text(claims, 'email');
  const name = text(claims, 'name');
  const role = text(claims, 'role');
  const tenantId = text(claims, 'tenant_id');
  const clientId = text(claims, 'client_id');
  return {
    subject,
    ...(email !== undefined && { email }),
    ...(name !== undefined && { name }),
    ...(role !== undefined && { role }),
    ...(tenantId !== undefined && { tenantId }),
    ...(clientId !== undefined && { clientId }),
    scopes: new Set((text(claims, 'scope') ?? '').split(' ').filter((scope) => scope !== '')),
    permissions: new Set(texts(claims, 'permissions')),
    token,
  };
}

function text(claims: JWTPayload, name: string): string | undefined {
  const value = claims[name];
  if (value === undefined || typeof value === 'string') return value;
  throw tokenInvalid('claim');
}

function texts(claims: JWTPayload, name: string): readonly string[] {
  const value = claims[name] ?? [];
  if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value;
  throw tokenInvalid('claim');
}
