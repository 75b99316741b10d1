import type { ConfigObject, SectionShape } from '../../grammar/shape.ts';
import { isToken } from '../../wire/rules/characters.ts';
import type { ClientFieldRules } from '../../wire/rules/client-fields.ts';
import { fieldName } from '../../wire/rules/field-names.ts';

/** Of `GlobalConfiguration`. */
export const CLIENT_FIELDS = {
  PassHeaders: {
    type: 'strings',
    own: true,
    doc: 'Identity and override headers of clients that pass to back ends although the file reserves them (`X-Tenant-Id`, `X-HTTP-Method-Override`, …); `*` = all. Never what a route sets from claims.',
  },
} as const satisfies SectionShape;

/** What routes say that makes client fields dangerous. */
interface Route {
  readonly claims: { readonly toHeaders: ReadonlyMap<string, unknown> };
  readonly authentication: object | undefined;
  readonly forwardAuth: { readonly answerHeaders: readonly string[] } | undefined;
  readonly cache: object | undefined;
  readonly ipRules: object | undefined;
}

export function readClientFields(
  global: ConfigObject<typeof CLIENT_FIELDS> | undefined,
  routes: readonly Route[],
  { strict, secretHeaders }: { readonly strict: boolean; readonly secretHeaders: readonly string[] },
): ClientFieldRules {
  const setFromClaims = routes.flatMap(({ claims, forwardAuth }) => [
    ...claims.toHeaders.keys(),
    ...(forwardAuth?.answerHeaders ?? []),
  ]);
  const setByRoutes = new Set(setFromClaims.map((name) => fieldName(name).dashed));
  const keptBack = new Set([...setByRoutes, ...secretHeaders.map((name) => fieldName(name).dashed)]);
  const passes = global?.values.PassHeaders ?? [];
  for (const name of passes) {
    if (name === '*') continue;
    if (!isToken(name)) global?.error('PassHeaders', `${name} is no name of a header`);
    else if (fieldName(name).reserved === 'always')
      global?.error('PassHeaders', `${name} is written by the gateway`);
  }
  const isCached = routes.some(({ cache }) => cache !== undefined);
  const isGuarded = routes.some(
    ({ authentication, forwardAuth, ipRules }) => (authentication ?? forwardAuth ?? ipRules) !== undefined,
  );
  return {
    setByRoutes: keptBack,
    reservesIdentity: !strict && (isCached || setByRoutes.size > 0),
    reservesOverrides: !strict && (isCached || isGuarded),
    passes: new Set(passes.map((name) => fieldName(name).dashed)),
  };
}
