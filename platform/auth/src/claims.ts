import { tokenInvalid } from './errors.ts';
import type { JwtClaims } from './jwt.ts';
import type { Principal } from './principal.ts';

const NUMERIC_DATES = ['exp', 'iat', 'nbf'] as const;

/** Whole seconds since the epoch only: strings, fractions and absurd numbers are refused. */
export function assertNumericDates(claims: JwtClaims): void {
  for (const name of NUMERIC_DATES) {
    const value = claims[name];
    if (value !== undefined && !(Number.isSafeInteger(value) && Number(value) >= 0))
      throw tokenInvalid('claim');
  }
}

/** Reads the caller out of verified claims. Throws `AUTH_TOKEN_INVALID` on a claim of the wrong type. */
export function principalOf(claims: JwtClaims, token: string): Principal {
  const subject = text(claims, 'sub');
  if (subject === undefined || subject === '' || (text(claims, 'jti') ?? '') === '')
    throw tokenInvalid('claim');
  const clientId = text(claims, 'client_id');
  return {
    subject,
    ...optional('email', text(claims, 'email')),
    ...optional('name', text(claims, 'name')),
    ...optional('role', text(claims, 'role')),
    ...optional('tenantId', text(claims, 'tenant_id')),
    ...optional('clientId', clientId),
    ...optional('sessionId', text(claims, 'sid')),
    issuedAtSeconds: Number(claims['iat']),
    ...optional('service', actorOf(claims) ?? (clientId === subject ? subject : undefined)),
    scopes: new Set((text(claims, 'scope') ?? '').split(' ').filter((scope) => scope !== '')),
    permissions: new Set(texts(claims, 'permissions')),
    token,
  };
}

/** RFC 8693 §4.1: the outermost `act` is who acts now, those inside it acted before and count for nothing. */
function actorOf(claims: JwtClaims): string | undefined {
  const act = claims['act'];
  if (act === undefined) return undefined;
  const actor = typeof act === 'object' && act !== null && 'sub' in act ? act.sub : undefined;
  if (typeof actor !== 'string' || actor === '') throw tokenInvalid('claim');
  return actor;
}

function optional<K extends string>(name: K, value: string | undefined): { readonly [N in K]?: string } {
  // TypeScript widens a computed name to `string`.
  return value === undefined ? {} : ({ [name]: value } as { [N in K]: string });
}

function text(claims: JwtClaims, name: string): string | undefined {
  const value = claims[name];
  if (value === undefined || typeof value === 'string') return value;
  throw tokenInvalid('claim');
}

function texts(claims: JwtClaims, name: string): readonly string[] {
  const value = claims[name] ?? [];
  if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value;
  throw tokenInvalid('claim');
}
