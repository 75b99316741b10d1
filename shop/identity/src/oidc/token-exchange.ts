import type { ProviderScope } from '@flotilla/auth/provider';
import { type ClientMetadata, errors, type KoaContextWithOIDC, type Provider } from 'oidc-provider';
import type { ExchangeToken } from '../features/exchange-token.ts';
import type { ServiceClients } from '../features/issue-service-token.ts';

/** RFC 8693. */
export const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';

const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';
const ACCESS_TOKENS: ReadonlySet<unknown> = new Set([ACCESS_TOKEN, 'urn:ietf:params:oauth:token-type:jwt']);

const PARAMETERS = [
  ...['subject_token', 'subject_token_type', 'actor_token', 'actor_token_type'],
  ...['requested_token_type', 'audience', 'resource', 'scope'],
];

/** The services of the topology, which exchange tokens here and get their own elsewhere. */
export function exchangeClients(services: ServiceClients, placeholder: string): readonly ClientMetadata[] {
  return Object.entries(services).flatMap(([id, { calls = [] }]) =>
    calls.length === 0
      ? []
      : [
          {
            client_id: id,
            client_secret: placeholder,
            token_endpoint_auth_method: 'client_secret_basic',
            grant_types: [TOKEN_EXCHANGE],
            response_types: [],
            redirect_uris: [],
          },
        ],
  );
}

export function addTokenExchange(
  provider: Provider,
  { exchangeToken, scope }: { readonly exchangeToken: ExchangeToken; readonly scope: ProviderScope },
): void {
  provider.registerGrantType(
    TOKEN_EXCHANGE,
    async (ctx) => {
      const { subjectToken, callee, wanted } = read(ctx);
      const service = ctx.oidc.client?.clientId ?? '';
      const exchange = { service, subjectToken, callee, scope: wanted };
      const exchanged = await exchangeToken(scope.on(), exchange);
      if (!exchanged.ok) {
        const { error, why } = exchanged.rejection;
        if (error === 'invalid_target') throw new errors.InvalidTarget(why);
        if (error === 'invalid_scope') throw new errors.InvalidScope(why, wanted ?? '');
        throw new errors.InvalidRequest(why);
      }
      const { accessToken, expiresIn } = exchanged.value;
      ctx.body = {
        ...{ access_token: accessToken, issued_token_type: ACCESS_TOKEN, token_type: 'Bearer' },
        ...{ expires_in: expiresIn, scope: exchanged.value.scope },
      };
    },
    PARAMETERS,
  );
}

function read({ oidc }: KoaContextWithOIDC) {
  const params: Readonly<Record<string, unknown>> = oidc.params ?? {};
  const text = (name: string) => (typeof params[name] === 'string' ? params[name] : undefined);
  if (!ACCESS_TOKENS.has(params['subject_token_type']))
    throw new errors.InvalidRequest('subject_token_type must be that of an access token');
  if (!ACCESS_TOKENS.has(params['requested_token_type'] ?? ACCESS_TOKEN))
    throw new errors.InvalidRequest('only access tokens are given');
  if (params['actor_token'] !== undefined)
    throw new errors.InvalidRequest('the client is the actor: actor_token is not taken');
  if (params['resource'] !== undefined) throw new errors.InvalidTarget('name the service by audience');
  const subjectToken = text('subject_token');
  const callee = text('audience');
  if (subjectToken === undefined) throw new errors.InvalidRequest('subject_token is missing');
  if (callee === undefined) throw new errors.InvalidTarget('audience is missing: the service to call');
  return { subjectToken, callee, wanted: text('scope') };
}
