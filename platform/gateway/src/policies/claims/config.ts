import { definePolicy } from '../../grammar/policy.ts';
import type { ConfigObject, SectionShape } from '../../grammar/shape.ts';
import { isToken } from '../../wire/rules/characters.ts';

/** `Claims[type] > value` or `Claims[type] > value[index] > delimiter`. */
export interface ClaimDirective {
  readonly claim: string;
  readonly part: { readonly index: number; readonly delimiter: string } | undefined;
}

export type DirectiveMap = ReadonlyMap<string, ClaimDirective>;

export interface ClaimsConfig {
  readonly toClaims: DirectiveMap;
  readonly toHeaders: DirectiveMap;
  readonly toQuery: DirectiveMap;
  readonly toPath: DirectiveMap;
  /** `RouteClaimsRequirement`. */
  readonly required: ReadonlyMap<string, string>;
}

const CLAIMS = {
  AddClaimsToRequest: {
    type: 'map',
    of: 'string',
    doc: 'New claims: `Claims[type] > value[index] > delimiter`.',
  },
  AddHeadersToRequest: { type: 'map', of: 'string', doc: 'Request headers from claims.' },
  AddQueriesToRequest: { type: 'map', of: 'string', doc: 'Query parameters from claims.' },
  ChangeDownstreamPathTemplate: { type: 'map', of: 'string', doc: 'Placeholders of the path from claims.' },
  RouteClaimsRequirement: {
    type: 'map',
    of: 'string',
    doc: 'Claims that the user must have, else 403; `{name}` = the value of a placeholder.',
  },
} as const satisfies SectionShape;

type ClaimsObject = ConfigObject<typeof CLAIMS>;
type DirectiveKey = Exclude<keyof typeof CLAIMS, 'RouteClaimsRequirement'>;

const NONE: ReadonlyMap<string, never> = new Map<string, never>();
const NO_CLAIMS: ClaimsConfig = {
  toClaims: NONE,
  toHeaders: NONE,
  toQuery: NONE,
  toPath: NONE,
  required: NONE,
};
const CLAIM_KEYS = Object.keys(CLAIMS) as (keyof typeof CLAIMS)[]; // of an object that has no others

/** Of static routes; a dynamic one has none. */
export const claims = definePolicy({ keys: CLAIMS, read: ({ own }) => ({ claims: readClaims(own) }) });

function readClaims(route: ClaimsObject | undefined): ClaimsConfig {
  const directives = (key: DirectiveKey): DirectiveMap => {
    const given = route?.values[key];
    if (given === undefined) return NONE;
    const map = new Map<string, ClaimDirective>();
    for (const [name, text] of given) {
      const directive = parseDirective(text);
      if (directive === undefined)
        route?.warn(
          key,
          `${name}: ${text} is not Claims[type] > value or Claims[type] > value[index] > delimiter, and is ignored as in Ocelot. For fixed values of headers there is UpstreamHeaderTransform`,
        );
      else if (key === 'AddHeadersToRequest' && !isToken(name))
        route?.error(key, `${JSON.stringify(name)} is no name of a header`);
      else map.set(name, directive);
    }
    return map;
  };
  if (route === undefined || CLAIM_KEYS.every((key) => route.values[key] === undefined)) return NO_CLAIMS;
  return {
    toClaims: directives('AddClaimsToRequest'),
    toHeaders: directives('AddHeadersToRequest'),
    toQuery: directives('AddQueriesToRequest'),
    toPath: directives('ChangeDownstreamPathTemplate'),
    required: route.values.RouteClaimsRequirement ?? NONE,
  };
}

function parseDirective(text: string): ClaimDirective | undefined {
  const [, claim, index, delimiter] =
    /^\s*Claims\[(.+)\]\s*>\s*value(?:\[(\d+)\]\s*>\s*(\S.*?))?\s*$/i.exec(text) ?? [];
  if (claim === undefined) return undefined;
  const part =
    index === undefined || delimiter === undefined ? undefined : { index: Number(index), delimiter };
  return { claim, part };
}
