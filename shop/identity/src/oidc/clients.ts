import type { Static } from '@flotilla/kernel';
import * as s from '@flotilla/kernel/schema';
import type { ClientMetadata } from 'oidc-provider';

const scopes = s.array(s.string({ pattern: '^[\\w.:-]+$' }));
const uris = s.array(s.string({ minLength: 3, maxLength: 2_000 }));

/** One application that may use this issuer. */
export const clientSchema = s.object({
  id: s.string({ pattern: '^[\\w.-]{1,100}$' }),
  /** As users read it. */
  name: s.string({ minLength: 1, maxLength: 100 }),
  /**
   * `web`: has a secret and users. `browser`: runs in its users' browsers, where nothing is secret. `native`: on their devices, nor
   * there; a redirect to a loopback address may have any port. `service`: has a secret and no users.
   */
  kind: s.oneOf(['web', 'browser', 'native', 'service']),
  scopes,
  redirectUris: s.optional(uris),
  postLogoutRedirectUris: s.optional(uris),
  backchannelLogoutUri: s.optional(s.string({ format: 'uri' })),
  /** Origins of pages that call the issuer, besides those of its redirect addresses. */
  origins: s.optional(uris),
  /**
   * Those of `redirectUris` at which the operator's own front end ends a login: its users are not asked whether it may act for them, and it
   * gets a refresh token without asking for offline access, which ends with the session.
   */
  ownRedirectUris: s.optional(uris),
  /** Its login page offers no account to who has none: for an application of an operator's own people. */
  withoutSignUp: s.optional(s.boolean()),
  /** Redirects to loopback addresses match whatever their port: for a client on a developer's machine. */
  anyLoopbackPort: s.optional(s.boolean()),
  /** Cannot do PKCE: it must send a nonce instead, and have a secret. */
  withoutPkce: s.optional(s.boolean()),
  /** Takes a response with `iss` and an error for a login that a third party begins (mod_auth_openidc before 2.4.13). */
  withoutIssuerInErrors: s.optional(s.boolean()),
});

export type Client = Static<typeof clientSchema>;

const OPENID_SCOPES: readonly string[] = ['openid', 'profile', 'email', 'offline_access'];

/** The applications of the shop. `origin` is where its front ends are. */
export function shopClients(origin: string, demo: boolean): readonly Client[] {
  const loopback = ['/callback', '/cb', '/signin-oidc'].flatMap((path) =>
    ['127.0.0.1', 'localhost', '[::1]'].map((host) => `http://${host}${path}`),
  );
  return [
    {
      id: 'mobile-app',
      name: 'Flotilla for phones',
      kind: 'native',
      scopes: [...OPENID_SCOPES, 'orders.read', 'orders.write'],
      redirectUris: ['myapp://callback'],
      postLogoutRedirectUris: ['myapp://signed-out'],
    },
    {
      id: 'web-app',
      name: 'Flotilla on the web',
      kind: 'web',
      scopes: [...OPENID_SCOPES, 'orders.read', 'orders.write', 'inventory.read'],
      redirectUris: [
        `${origin}/bff/callback`,
        'https://localhost:5001/signin-oidc',
        // For somebody who tries the demo with a client of their own.
        ...(demo ? loopback : []),
      ],
      ownRedirectUris: [`${origin}/bff/callback`],
      postLogoutRedirectUris: [
        `${origin}/`,
        'https://localhost:5001/signout-callback-oidc',
        ...(demo ? ['http://127.0.0.1/', 'http://localhost/'] : []),
      ],
      backchannelLogoutUri: `${origin}/bff/backchannel-logout`,
      anyLoopbackPort: demo,
    },
    {
      id: 'order-service',
      name: 'Order service',
      kind: 'service',
      scopes: ['inventory.read', 'inventory.write'],
    },
  ];
}

/** The shop's own and others; one with the id of such replaces it. */
export function withReplaced(own: readonly Client[], added: readonly Client[]): readonly Client[] {
  return [...own.filter(({ id }) => !added.some((client) => client.id === id)), ...added];
}

/** Whether it can keep one. */
export function hasSecret({ kind }: Client): boolean {
  return kind === 'web' || kind === 'service';
}

/** Only with demo data; otherwise an operator makes a secret. */
export function demoSecrets(clients: readonly Client[]): Readonly<Record<string, string>> {
  return Object.fromEntries(clients.filter(hasSecret).map(({ id }) => [id, `${id}-secret`]));
}

export function apiScopesOf({ scopes }: Client): readonly string[] {
  return scopes.filter((scope) => !OPENID_SCOPES.includes(scope));
}

/** As the library wants it. Secrets are checked elsewhere: what stands here in their place opens nothing. */
export function toMetadata(client: Client, placeholder: string): ClientMetadata {
  const { id, name, kind, redirectUris = [], postLogoutRedirectUris = [], backchannelLogoutUri } = client;
  if (kind === 'service')
    return {
      client_id: id,
      client_name: name,
      client_secret: placeholder,
      token_endpoint_auth_method: 'client_secret_basic',
      grant_types: ['client_credentials'],
      response_types: [],
      redirect_uris: [],
    };
  return {
    client_id: id,
    client_name: name,
    application_type: kind === 'native' ? 'native' : 'web',
    ...(hasSecret(client)
      ? { client_secret: placeholder, token_endpoint_auth_method: 'client_secret_basic' }
      : { token_endpoint_auth_method: 'none' }),
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    redirect_uris: [...redirectUris],
    post_logout_redirect_uris: [...postLogoutRedirectUris],
    scope: client.scopes.filter((scope) => OPENID_SCOPES.includes(scope)).join(' '),
    ...(backchannelLogoutUri !== undefined && {
      backchannel_logout_uri: backchannelLogoutUri,
      backchannel_logout_session_required: true,
    }),
  };
}

/** Whether a page of this origin may call the issuer for the client. */
export function allowsOrigin({ redirectUris = [], origins = [] }: Client, origin: string): boolean {
  const own = redirectUris.flatMap((uri) => (URL.canParse(uri) ? [new URL(uri).origin] : []));
  return origin !== 'null' && [...own, ...origins].includes(origin);
}

const LOOPBACK = /^http:\/\/(?:127\.0\.0\.1|\[::1\]|localhost)(:\d+)?(?=\/)/;

/** The addresses with the port of a loopback address taken off: what a client with `anyLoopbackPort` is compared by. */
export function withoutLoopbackPort(uri: string): string {
  return uri.replace(LOOPBACK, (start, port: string | undefined) =>
    start.slice(0, start.length - (port?.length ?? 0)),
  );
}
