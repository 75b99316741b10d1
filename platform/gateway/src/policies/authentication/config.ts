import { didYouMean } from '@flotilla/kernel';
import { type Group, joinGroup, ROUTE_KEYS } from '../../grammar/group.ts';
import { definePolicy } from '../../grammar/policy.ts';
import { hasName, listed, type Names } from '../../grammar/registered.ts';
import type { ConfigObject, SectionShape } from '../../grammar/shape.ts';
import { isToken } from '../../wire/rules/characters.ts';
import { API_KEYS, type ApiKeysConfig, readApiKeys } from './api-keys-config.ts';

/** `GlobalConfiguration.AuthenticationProviders`, by key. */
export interface AuthenticationProviderConfig {
  readonly issuer: string | undefined;
  /** The token needs one of them; empty = not checked. */
  readonly audiences: readonly string[];
  readonly keys:
    | { readonly kind: 'secret'; readonly secret: string }
    | { readonly kind: 'jwks'; readonly url: string }
    | ApiKeysConfig;
  readonly algorithms: readonly string[];
  readonly clockSkewSeconds: number;
  readonly maxTokenBytes: number;
}

/** Where else a token may be: browsers cannot set fields for WebSockets and event streams. Absent = nowhere. */
export interface TokenSources {
  readonly query: string | undefined;
  readonly cookie: string | undefined;
  /** The name behind which the token is offered as a subprotocol. */
  readonly protocol: string | undefined;
}

export interface AuthenticationConfig {
  /** Beside `Authorization`; absent = nowhere. */
  readonly sources?: TokenSources;
  /** Tried in this order; each is in `AuthenticationProviders` or registered in code. */
  readonly providers: readonly string[];
  /** The token needs one of them; empty = none needed. */
  readonly allowedScopes: readonly string[];
}

const MAX_TOKEN_BYTES = 16_384;

const AUTHENTICATION = {
  AuthenticationProviderKeys: {
    type: 'strings',
    doc: 'Providers, tried in this order; keys of `AuthenticationProviders` or registered in code.',
  },
  AuthenticationProviderKey: { type: 'string', doc: 'Older: one more provider.' },
  AllowedScopes: { type: 'strings', doc: 'The token needs one of these scopes, else 403; empty = none.' },
  TokenQuery: {
    type: 'string',
    own: true,
    doc: 'Query parameter with the token, for WebSockets and event streams (`Accept: text/event-stream`) alone: `access_token`. Taken away before the back end.',
  },
  TokenCookie: { type: 'string', own: true, doc: 'The same as a cookie.' },
  TokenProtocol: {
    type: 'string',
    own: true,
    doc: 'The same for WebSockets as the subprotocol behind this one: `bearer` for `Sec-WebSocket-Protocol: bearer, <token>`.',
  },
  AllowAnonymous: {
    type: 'boolean',
    default: false,
    doc: 'Opens the route, also against the global options.',
  },
  ...ROUTE_KEYS,
} as const satisfies SectionShape;

export const AUTHENTICATION_PROVIDER = {
  Issuer: { type: 'string', own: true, doc: 'Must equal the `iss` of the token; absent = not checked.' },
  Audience: {
    type: 'strings',
    orOne: true,
    own: true,
    doc: 'The `aud` of the token must contain one of them; absent = not checked.',
  },
  Secret: { type: 'string', own: true, doc: 'HMAC key: the UTF-8 bytes of this text, at least 32.' },
  JwksUri: { type: 'string', own: true, doc: 'URL of the JWK set with the keys of the issuer.' },
  Algorithms: {
    type: 'strings',
    own: true,
    doc: 'Allow-list; default HS256 with `Secret`, RS256 with `JwksUri`.',
  },
  ClockSkewSeconds: {
    type: 'integer',
    minimum: 0,
    default: 60,
    own: true,
    doc: 'Tolerance for `exp` and `nbf`.',
  },
  MaxTokenSize: {
    type: 'integer',
    minimum: 1_024,
    default: MAX_TOKEN_BYTES,
    own: true,
    doc: 'Larger tokens are refused, B. Entra ID sends some 9 KiB with 200 groups.',
  },
  ...API_KEYS,
} as const satisfies SectionShape;

export const authentication = definePolicy({
  keys: { AuthenticationOptions: { type: 'object', shape: AUTHENTICATION, doc: 'Who may come in.' } },
  read: ({ own, global, owner, context }) => ({
    authentication: readAuthentication(
      joinGroup(own?.values.AuthenticationOptions, global?.values.AuthenticationOptions, owner.key),
      context.providers,
    ),
  }),
});

/** `undefined` = the route is open. */
function readAuthentication(
  group: Group<typeof AUTHENTICATION> | undefined,
  knownProviders: Names,
): AuthenticationConfig | undefined {
  if (group === undefined) return undefined;
  const older = group.values.AuthenticationProviderKey;
  const providers = [...(group.values.AuthenticationProviderKeys ?? []), older].filter(isGiven);
  for (const name of providers.filter((key) => !hasName(knownProviders, key))) {
    const suggestion = didYouMean(name, listed(knownProviders));
    const hint = suggestion ? `, did you mean ${suggestion}?` : '';
    group.error(
      group.has('AuthenticationProviderKeys') ? 'AuthenticationProviderKeys' : 'AuthenticationProviderKey',
      `AuthenticationOptions: ${name} is unsupported authentication provider${hint}`,
    );
  }
  const allowedScopes = group.values.AllowedScopes ?? [];
  if (group.values.AllowAnonymous === true) return undefined;
  const sources = readSources(group);
  if (providers.length > 0)
    return { providers: [...new Set(providers)], allowedScopes, ...(sources && { sources }) };
  // Scopes without a provider would protect nothing, while the file reads as if they did.
  if (allowedScopes.length > 0) group.error('AllowedScopes', 'needs AuthenticationProviderKeys');
  return undefined;
}

function readSources(group: Group<typeof AUTHENTICATION>): TokenSources | undefined {
  const read = (key: 'TokenQuery' | 'TokenCookie' | 'TokenProtocol') => {
    const name = group.values[key];
    if (name && !isToken(name)) group.error(key, `${name} is no name`);
    return name || undefined;
  };
  const sources = { query: read('TokenQuery'), cookie: read('TokenCookie'), protocol: read('TokenProtocol') };
  return Object.values(sources).some((name) => name !== undefined) ? sources : undefined;
}

function isGiven(name: string | undefined): name is string {
  return name !== undefined && name !== '';
}

const MIN_SECRET_BYTES = 32;
const HMAC = /^HS(?:256|384|512)$/;
const ASYMMETRIC = /^(?:(?:RS|PS|ES)(?:256|384|512)|EdDSA)$/;

export function readProvider(
  provider: ConfigObject<typeof AUTHENTICATION_PROVIDER>,
): AuthenticationProviderConfig {
  const secret = provider.values.Secret;
  const url = provider.values.JwksUri;
  const apiKeys = readApiKeys(provider);
  if ([secret, url, apiKeys].filter((one) => one !== undefined).length !== 1)
    provider.error('Secret', 'exactly one of Secret, JwksUri and ApiKeys must be given');
  if (secret !== undefined && Buffer.byteLength(secret) < MIN_SECRET_BYTES)
    provider.error('Secret', `must have at least ${MIN_SECRET_BYTES} bytes`);
  if (url !== undefined && !isHttpUrl(url)) provider.error('JwksUri', 'must be an http or https URL');
  const algorithms = provider.values.Algorithms ?? [secret === undefined ? 'RS256' : 'HS256'];
  const fitting = secret === undefined ? ASYMMETRIC : HMAC;
  for (const algorithm of algorithms)
    if (!fitting.test(algorithm))
      provider.error('Algorithms', `${algorithm} does not fit the provider's kind of key`);
  return {
    issuer: provider.values.Issuer,
    audiences: provider.values.Audience ?? [],
    keys: apiKeys ?? (secret === undefined ? { kind: 'jwks', url: url ?? '' } : { kind: 'secret', secret }),
    algorithms,
    clockSkewSeconds: provider.values.ClockSkewSeconds ?? 60,
    maxTokenBytes: provider.values.MaxTokenSize ?? MAX_TOKEN_BYTES,
  };
}

function isHttpUrl(text: string): boolean {
  const protocol = URL.parse(text)?.protocol;
  return protocol === 'http:' || protocol === 'https:';
}
