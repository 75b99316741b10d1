import { hkdfSync, randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import {
  type ClientSecrets,
  createRecords,
  type Lifetimes,
  type ProviderScope,
  type RefreshTokens,
  type Sessions,
  type SuccessorOf,
  useTransactions,
} from '@flotilla/auth/provider';
import type { Clock } from '@flotilla/kernel';
import type { Logger } from '@flotilla/telemetry';
import {
  type Configuration,
  errors,
  interactionPolicy,
  type KoaContextWithOIDC,
  Provider,
} from 'oidc-provider';
import { accountClaims } from '../access-tokens.ts';
import type { AccountStore } from '../account-store.ts';
import { ACR } from '../domain/assurance.ts';
import { identityError } from '../errors.ts';
import type { ExchangeToken } from '../features/exchange-token.ts';
import { isSecretOf, type ServiceClients } from '../features/issue-service-token.ts';
import { errorPage, signedOutPage, signOutPage, unavailablePage } from '../pages/pages.ts';
import { sendPage } from '../pages/send-page.ts';
import type { SigningKeys } from '../signing-keys.ts';
import { askerOf } from './asker.ts';
import { allowsOrigin, apiScopesOf, type Client, toMetadata, withoutLoopbackPort } from './clients.ts';
import { forgiveSignOut } from './sign-out.ts';
import { refuseStaleLogins } from './stale-logins.ts';
import { addTokenExchange, exchangeClients } from './token-exchange.ts';

export interface ProviderDeps {
  readonly issuer: string;
  /** `aud` of tokens for the shop's API. */
  readonly audience: string;
  /** Addresses by which clients may ask for such a token; the first is used when they name none. */
  readonly apiResources: readonly [string, ...string[]];
  readonly clients: readonly Client[];
  /** Services of the topology: those that call others exchange the tokens of users here. */
  readonly serviceClients: ServiceClients;
  readonly exchangeToken: ExchangeToken;
  readonly secrets: ClientSecrets;
  readonly keys: SigningKeys;
  /** 32 bytes that all replicas share; keys of cookies are derived from it. */
  readonly key: Buffer;
  readonly lifetimes: Lifetimes;
  readonly scope: ProviderScope;
  readonly sessions: Sessions;
  readonly refreshTokens: RefreshTokens;
  readonly successorOf: SuccessorOf;
  readonly accounts: AccountStore;
  readonly clock: Pick<Clock, 'now'>;
  readonly logger: Logger;
}

const CONFIDENTIAL_PLACEHOLDER_BYTES = 32;

/** The OpenID provider with the keys that hold now. Cheap: one is built anew whenever they change. */
export function buildProvider(deps: ProviderDeps): Provider {
  const byId = new Map(deps.clients.map((client) => [client.id, client]));
  const provider = new Provider(deps.issuer, configurationOf(deps, byId));
  // Host and scheme are set from the issuer before a request gets here.
  provider.proxy = true;
  useTransactions(provider, {
    ...deps,
    askerOf: (req: IncomingMessage) => askerOf(req),
    onFault: (err, route) => deps.logger.error({ err, route }, 'the identity provider failed'),
    showUnavailable: (ctx) => sendPage(ctx, unavailablePage()),
    leavesIssuerOff: (clientId) => byId.get(clientId)?.withoutIssuerInErrors === true,
  });
  checkSecretsByHash(provider, deps);
  addTokenExchange(provider, deps);
  allowLoopbackPorts(provider, byId);
  shareSessionIds(provider);
  refuseStaleLogins(provider, deps);
  forgiveSignOut(provider);
  tellWhatWasDropped(provider, byId, deps.logger);
  return provider;
}

function configurationOf(deps: ProviderDeps, byId: ReadonlyMap<string, Client>): Configuration {
  const { audience, lifetimes } = deps;
  const placeholder = randomBytes(CONFIDENTIAL_PLACEHOLDER_BYTES).toString('base64url');
  return {
    adapter: createRecords(deps),
    clients: [
      ...deps.clients.map((client) => toMetadata(client, placeholder)),
      ...exchangeClients(deps.serviceClients, placeholder),
    ],
    jwks: { keys: [...deps.keys.privateJwks().keys] } as NonNullable<Configuration['jwks']>,
    cookies: cookiesOf(deps),
    routes: { jwks: '/jwks' },
    scopes: ['openid', 'offline_access', 'profile', 'email'],
    acrValues: Object.values(ACR),
    claims: {
      openid: ['sub', 'acr', 'amr', 'auth_time'],
      profile: ['name', 'role', 'tenant_id'],
      email: ['email', 'email_verified'],
    },
    // Many clients read the ID token alone: what a user agreed to stands in it.
    conformIdTokenClaims: false,
    responseTypes: ['code'],
    allowOmittingSingleRegisteredRedirectUri: false,
    // Who cannot do PKCE is marked, and must send a nonce instead.
    pkce: {
      required: (ctx, client) =>
        byId.get(client.clientId)?.withoutPkce !== true || ctx.oidc.params?.['nonce'] === undefined,
    },
    rotateRefreshToken: true,
    expiresWithSession: () => false,
    issueRefreshToken: (ctx, client, source) =>
      client.grantTypeAllowed('refresh_token') &&
      (source.scopes.has('offline_access') || isOwnRedirect(byId, client.clientId, ctx.oidc.params)),
    loadExistingGrant: (ctx) => loadGrant(ctx, byId),
    ttl: ttlOf(lifetimes),
    clientBasedCORS: (_ctx, origin, client) => {
      const known = byId.get(client.clientId);
      return known !== undefined && allowsOrigin(known, origin);
    },
    findAccount: (_ctx, id) => findAccount(deps, id),
    extraTokenClaims: async (ctx, token) => {
      if (token.kind === 'ClientCredentials') return { permissions: [] };
      if (token.aud !== audience) return undefined;
      const account = await deps.accounts.find(token.accountId, deps.scope.on());
      return account && { ...accountClaims(account), sid: token.sessionUid, ...howLoggedIn(ctx) };
    },
    interactions: {
      url: (_ctx, interaction) => `${pathOf(deps.issuer)}/interaction/${interaction.uid}`,
      policy: promptsOf(),
    },
    discovery: { prompt_values_supported: ['none', 'create', 'login', 'consent'] },
    renderError: (ctx, out) => {
      sendPage(ctx, errorPage({ error: out.error, detail: out.error_description }));
    },
    features: featuresOf(deps, byId),
  };
}

/** The library's own, and `create`: whoever an application sends with it begins at the page for a new account. */
function promptsOf() {
  const policy = interactionPolicy.base();
  policy.add(new interactionPolicy.Prompt({ name: 'create', requestable: true }), 0);
  return policy;
}

/** `acr` and `amr` of the login that the token came of, for whoever asks for more than a password. */
function howLoggedIn(ctx: KoaContextWithOIDC) {
  const { acr, amr } = ctx.oidc.entities.AuthorizationCode ?? ctx.oidc.entities.RefreshToken ?? {};
  return { ...(acr !== undefined && { acr }), ...(amr !== undefined && { amr }) };
}

function featuresOf(
  deps: ProviderDeps,
  byId: ReadonlyMap<string, Client>,
): NonNullable<Configuration['features']> {
  const { audience, apiResources, lifetimes } = deps;
  return {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    // Of its own tokens only: one that is another's is as unknown as one that is forged.
    revocation: { enabled: true, allowedPolicy: isOwn },
    introspection: { enabled: true, allowedPolicy: isOwn },
    pushedAuthorizationRequests: { enabled: true },
    dPoP: { enabled: true },
    // Notices leave by an outbox when a session has ended.
    backchannelLogout: { enabled: true },
    rpInitiatedLogout: {
      enabled: true,
      logoutSource: (ctx, form) =>
        sendPage(ctx, signOutPage(form, ctx.oidc.client?.clientName), formTargets(ctx)),
      postLogoutSuccessSource: (ctx) => sendPage(ctx, signedOutPage(ctx.oidc.client?.clientName)),
    },
    resourceIndicators: {
      enabled: true,
      defaultResource: (ctx, client, oneOf) => {
        if (oneOf !== undefined) return oneOf[0] ?? [];
        const isForApi = client.grantTypeAllowed('client_credentials') || asksForApi(ctx, byId);
        return isForApi ? apiResources[0] : [];
      },
      useGrantedResource: () => true,
      getResourceServerInfo: (_ctx, resource, client) => {
        const known = byId.get(client.clientId);
        if (known === undefined || !apiResources.includes(resource)) throw new errors.InvalidTarget();
        const isService = known.kind === 'service';
        return {
          scope: apiScopesOf(known).join(' '),
          audience,
          accessTokenFormat: 'jwt',
          accessTokenTTL: isService ? lifetimes.serviceTokenSeconds : lifetimes.accessTokenSeconds,
          jwt: { sign: { alg: 'ES256' } },
        };
      },
    },
  };
}

function isOwn(
  _ctx: unknown,
  client: { clientId: string },
  token: { clientId?: string | undefined },
): boolean {
  return token.clientId === client.clientId;
}

/** Whether a login ends at a front end of the operator's own. */
function isOwnRedirect(
  byId: ReadonlyMap<string, Client>,
  clientId: string,
  params: KoaContextWithOIDC['oidc']['params'],
): boolean {
  return byId.get(clientId)?.ownRedirectUris?.includes(String(params?.['redirect_uri'])) === true;
}

/** What a user agreed to before; for a front end of the operator's own it is all that the client may have. */
async function loadGrant(ctx: KoaContextWithOIDC, byId: ReadonlyMap<string, Client>) {
  const { client, session, params, provider, result } = ctx.oidc;
  if (client === undefined || session?.accountId === undefined) return undefined;
  const grantId = result?.consent?.grantId ?? session.grantIdFor(client.clientId);
  const known = grantId === undefined ? undefined : await provider.Grant.find(grantId);
  if (!isOwnRedirect(byId, client.clientId, params)) return known;
  const grant = known ?? new provider.Grant({ accountId: session.accountId, clientId: client.clientId });
  grant.addOIDCScope([...ctx.oidc.requestParamOIDCScopes].join(' '));
  for (const [resource, server] of Object.entries(ctx.oidc.resourceServers ?? {})) {
    const asked = [...ctx.oidc.requestParamScopes].filter((scope) => server.scopes.has(scope));
    if (asked.length > 0) grant.addResourceScope(resource, asked.join(' '));
  }
  await grant.save();
  return grant;
}

/** A token is for the API when it is to hold one of its scopes, for userinfo otherwise: one cannot serve both. */
function asksForApi(ctx: KoaContextWithOIDC, byId: ReadonlyMap<string, Client>): boolean {
  const client = byId.get(ctx.oidc.client?.clientId ?? '');
  const scopes = client === undefined ? [] : apiScopesOf(client);
  return [...ctx.oidc.requestParamScopes].some((scope) => scopes.includes(scope));
}

/** After a sign-out the browser may be sent on to the client: a policy for forms counts that as part of sending one. */
function formTargets(ctx: KoaContextWithOIDC): readonly string[] {
  const target = ctx.oidc.params?.['post_logout_redirect_uri'];
  return typeof target === 'string' ? [target] : [];
}

function ttlOf(lifetimes: Lifetimes): NonNullable<Configuration['ttl']> {
  const { sessionSeconds, idleSeconds } = lifetimes;
  return {
    AccessToken: lifetimes.accessTokenSeconds,
    AuthorizationCode: lifetimes.codeSeconds,
    ClientCredentials: lifetimes.serviceTokenSeconds,
    // A grant is made within a session and used within it: it never ends before one of its refresh tokens.
    Grant: sessionSeconds + idleSeconds,
    IdToken: lifetimes.idTokenSeconds,
    Interaction: lifetimes.interactionSeconds,
    RefreshToken: idleSeconds,
    Session: idleSeconds,
  };
}

/** Browsers have one jar for all ports of a host: a second system would sign users of the first one out. */
function cookiesOf({ issuer, key }: ProviderDeps): NonNullable<Configuration['cookies']> {
  const { port, protocol } = new URL(issuer);
  const suffix = port === '' ? '' : `_${port}`;
  const options = { httpOnly: true, sameSite: 'lax', signed: true, secure: protocol === 'https:' } as const;
  return {
    names: {
      session: `_session${suffix}`,
      interaction: `_interaction${suffix}`,
      resume: `_interaction_resume${suffix}`,
    },
    long: { ...options, path: pathOf(issuer) || '/' },
    short: options,
    keys: [
      Buffer.from(hkdfSync('sha256', key, '', 'cookies of the identity provider', 32)).toString('base64'),
    ],
  };
}

function pathOf(issuer: string): string {
  return new URL(issuer).pathname.replace(/\/$/, '');
}

async function findAccount({ accounts, scope }: ProviderDeps, id: string) {
  const account = await accounts.find(id, scope.on());
  if (account === undefined || account.isDisabled) return undefined;
  const { permissions: _notInIdTokens, ...claims } = accountClaims(account);
  const all = { sub: id, ...claims, email_verified: account.isEmailVerified };
  return { accountId: id, claims: () => all };
}

function checkSecretsByHash(provider: Provider, { secrets, serviceClients }: ProviderDeps): void {
  Object.defineProperty(provider.Client.prototype, 'compareClientSecret', {
    async value(this: { readonly clientId: string }, actual: string): Promise<boolean> {
      const service = Object.hasOwn(serviceClients, this.clientId)
        ? serviceClients[this.clientId]
        : undefined;
      return service === undefined
        ? await secrets.matches(this.clientId, actual)
        : isSecretOf(service, actual);
    },
  });
}

/** The library ignores ports for native clients only; those have no secret. */
function allowLoopbackPorts(provider: Provider, byId: ReadonlyMap<string, Client>): void {
  const names = {
    redirectUriAllowed: 'redirectUris',
    postLogoutRedirectUriAllowed: 'postLogoutRedirectUris',
  } as const;
  for (const [method, list] of Object.entries(names)) {
    const exact: unknown = Reflect.get(provider.Client.prototype, method);
    if (typeof exact !== 'function')
      throw new TypeError('this oidc-provider compares redirects in another way');
    Object.defineProperty(provider.Client.prototype, method, {
      value(this: { readonly clientId: string }, uri: string): boolean {
        const client = byId.get(this.clientId);
        const isAlike = () => (client?.[list] ?? []).includes(withoutLoopbackPort(uri));
        return exact.call(this, uri) === true || (client?.anyLoopbackPort === true && isAlike());
      },
    });
  }
}

/** Throws for what the library cannot work with: at the start rather than at a user's login. */
export async function checkClients(provider: Provider, clients: readonly Client[]): Promise<void> {
  for (const { id } of clients)
    try {
      await provider.Client.find(id);
    } catch (cause) {
      const why = cause instanceof errors.OIDCProviderError ? cause.error_description : undefined;
      throw identityError('IDENTITY_CLIENT_INVALID', `the client ${id} cannot be used: ${why ?? cause}`, {
        cause,
      });
    }
}

/** `sid` is the same in ID tokens, access tokens, logout tokens and events: the session of this issuer. */
function shareSessionIds(provider: Provider): void {
  Object.defineProperty(provider.Session.prototype, 'ensureClientContainer', {
    value(this: SessionLike, clientId: string): void {
      if (!this.sidFor(clientId)) this.sidFor(clientId, this.uid);
    },
  });
  Object.defineProperty(provider.Client.prototype, 'backchannelLogout', {
    value: (): Promise<void> => Promise.resolve(), // sent when the session's end commits
  });
}

interface SessionLike {
  readonly uid: string;
  sidFor(clientId: string, value?: string): string | undefined;
}

/** What a client asks for in vain is missed much later, elsewhere: it is said here. */
function tellWhatWasDropped(provider: Provider, byId: ReadonlyMap<string, Client>, logger: Logger): void {
  provider.use(async (context, next) => {
    await next();
    const ctx = context as KoaContextWithOIDC & { oidc?: KoaContextWithOIDC['oidc'] };
    const route = ctx.oidc?.route;
    if (route !== 'authorization' && route !== 'token' && route !== 'pushed_authorization_request') return;
    const sent = ctx.method === 'POST' ? ctx.oidc?.body : ctx.query;
    const client = byId.get(ctx.oidc?.client?.clientId ?? '');
    if (client === undefined || typeof sent !== 'object' || sent === null) return;
    const fields: Record<string, unknown> = { ...sent };
    const asked = String(fields['scope'] ?? '')
      .split(' ')
      .filter((scope) => scope !== '');
    const granted = String(ctx.oidc?.params?.['scope'] ?? fields['scope'] ?? '').split(' ');
    const dropped = asked.filter((scope) => !client.scopes.includes(scope) || !granted.includes(scope));
    const fact = { client: client.id, route };
    if (dropped.includes('offline_access') && client.scopes.includes('offline_access'))
      logger.warn(fact, 'offline_access was dropped: it needs prompt=consent');
    else if (dropped.length > 0)
      logger.warn({ ...fact, dropped }, 'scopes were dropped: the client may not have them');
    if (fields['audience'] !== undefined)
      logger.warn(fact, 'audience was ignored: a token is asked for by `resource` or by scope');
  });
}
