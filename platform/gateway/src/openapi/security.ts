import type { RouteConfig } from '../model.ts';
import type { AuthenticationProviderConfig } from '../policies/authentication/config.ts';
import type { JsonObject } from './json-object.ts';

export type Providers = ReadonlyMap<string, Pick<AuthenticationProviderConfig, 'keys'>>;

const BEARER = { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' };

/** The ways to come in on a route, each of which is enough; none = it is open. */
export function securityOf({ authentication }: RouteConfig, providers: Providers): readonly JsonObject[] {
  const names = (authentication?.providers ?? []).flatMap((provider) => {
    const keys = providers.get(provider)?.keys;
    return keys?.kind === 'api-keys' ? Object.keys(schemesOfKeys(provider, keys)) : ['bearer'];
  });
  return [...new Set(names)].map((name) => ({ [name]: [] }));
}

/** What the names in `security` mean. */
export function securitySchemes(providers: Providers): JsonObject {
  const ofKeys = [...providers].flatMap(([provider, { keys }]) =>
    keys.kind === 'api-keys' ? Object.entries(schemesOfKeys(provider, keys)) : [],
  );
  return { bearer: BEARER, ...Object.fromEntries(ofKeys) };
}

type ApiKeys = Extract<AuthenticationProviderConfig['keys'], { readonly kind: 'api-keys' }>;

function schemesOfKeys(provider: string, { header, query }: ApiKeys): JsonObject {
  const name = `key_${provider.replaceAll(/[^A-Za-z0-9._-]/g, '_')}`;
  return {
    [name]: { type: 'apiKey', in: 'header', name: header },
    ...(query !== undefined && { [`${name}_query`]: { type: 'apiKey', in: 'query', name: query } }),
  };
}
