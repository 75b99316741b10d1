import type { Claims, Exchange, Step } from '../../exchange.ts';
import type { Refusal } from '../../wire/rules/refusal.ts';
import { isExemptFromAuthentication } from '../cors/cors.ts';

export interface AuthorizationRules {
  /** One of them is needed; empty = none. */
  readonly allowedScopes: readonly string[];
  /** `RouteClaimsRequirement`: a value of the form `{name}` is that of a placeholder. */
  readonly required: ReadonlyMap<string, string>;
}

const FORBIDDEN: Refusal = { status: 403, code: 'forbidden' };
const PLACEHOLDER = /^\{([^{}]+)\}$/;

/** Scopes first, then every required claim; 403. Runs after claims were added to the token's. */
export function compileAuthorization(rules: AuthorizationRules, strict: boolean): Step | undefined {
  const { allowedScopes, required } = rules;
  if (allowedScopes.length === 0 && required.size === 0) return undefined;
  const scopes = new Set(allowedScopes);
  const scopeMissing = insufficientScope(allowedScopes);
  const demands = [...required].map(([claim, value]) => ({
    claim,
    value,
    placeholder: PLACEHOLDER.exec(value)?.[1],
  }));
  return (exchange) => {
    if (isExemptFromAuthentication(exchange.request, strict)) return undefined;
    const claims = exchange.claims ?? NO_CLAIMS;
    if (scopes.size > 0 && !hasScope(claims, scopes)) return scopeMissing;
    for (const { claim, value, placeholder } of demands) {
      const wanted = placeholder === undefined ? value : placeholderValue(exchange, placeholder);
      if (wanted === undefined || !claims.get(claim)?.includes(wanted)) return FORBIDDEN;
    }
    return undefined;
  };
}

const NO_CLAIMS: Claims = new Map();

/** The value as its owner writes it: escapes decoded. */
function placeholderValue({ values }: Exchange, name: string): string | undefined {
  const raw = values.get(name);
  if (raw === undefined || !raw.includes('%')) return raw;
  try {
    return decodeURIComponent(raw);
  } catch {
    return undefined; // no valid escapes: it matches no value
  }
}

function insufficientScope(scopes: readonly string[]): Refusal {
  const challenge = `Bearer error="insufficient_scope", scope="${scopes.join(' ')}"`;
  return { ...FORBIDDEN, headers: [['www-authenticate', challenge]] };
}

/** Does `scope`, an array or one space-separated string, have one of these? */
function hasScope(claims: Claims, allowed: ReadonlySet<string>): boolean {
  const texts = claims.get('scope') ?? [];
  const [only] = texts;
  const scopes = texts.length === 1 && only !== undefined ? only.split(' ') : texts;
  return scopes.some((scope) => allowed.has(scope));
}
