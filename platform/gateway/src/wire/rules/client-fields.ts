import type { FieldName } from './fields.ts';

/** Which fields of clients a back end never sees, beside those that are always the gateway's own. Names have `_` as `-`. */
export interface ClientFieldRules {
  /** Some route sets them from claims, or they have keys of clients. */
  readonly setByRoutes: ReadonlySet<string>;
  /** `X-User`, `X-Tenant-Id`, …: where the gateway says to back ends who somebody is, nobody else may. */
  readonly reservesIdentity: boolean;
  /** `X-Original-URL`, `X-HTTP-Method-Override`, …: where something was decided by path and method, they may not become others. */
  readonly reservesOverrides: boolean;
  /** Pass although they are reserved; `*` = all of both kinds. */
  readonly passes: ReadonlySet<string>;
}

export function isKeptFromBackends({ reserved, dashed }: FieldName, rules: ClientFieldRules): boolean {
  if (reserved === 'always') return true;
  if (rules.setByRoutes.size > 0 && rules.setByRoutes.has(dashed)) return true;
  if (reserved === 'no') return false;
  if (!(reserved === 'identity' ? rules.reservesIdentity : rules.reservesOverrides)) return false;
  return !rules.passes.has('*') && !rules.passes.has(dashed);
}
