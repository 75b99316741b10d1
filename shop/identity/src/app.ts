import { createTokenVerifier, type VerifyToken } from '@flotilla/auth';
import {
  createClientSecrets,
  createLogoutNotices,
  createProviderCallback,
  createProviderScope,
  createRefreshTokens,
  createSessions,
  createSuccessors,
  LIFETIMES,
  type LogoutNotices,
  prune,
  type Sessions,
} from '@flotilla/auth/provider';
import type { HttpHostOptions, RouteHandler } from '@flotilla/http';
import type { Clock, NewId } from '@flotilla/kernel';
import type { Outbox } from '@flotilla/messaging';
import type { Database } from '@flotilla/postgres';
import type { Logger } from '@flotilla/telemetry';
import { type AccessTokens, createAccessTokens } from './access-tokens.ts';
import { createAccountLinks } from './account-links.ts';
import { createAccountStore } from './account-store.ts';
import { seedDemoAccounts } from './demo-accounts.ts';
import { identityError } from './errors.ts';
import { sendResetLinks } from './features/ask-password-reset.ts';
import { createTokenExchange } from './features/exchange-token.ts';
import type { ServiceClients } from './features/issue-service-token.ts';
import { identityRoutes } from './http.ts';
import { createLoginThrottle } from './login-throttle.ts';
import { createAccountPages } from './oidc/account-pages.ts';
import { type Client, demoSecrets, shopClients, withReplaced } from './oidc/clients.ts';
import { createInteractions } from './oidc/interactions.ts';
import { createLogoutTokens } from './oidc/logout-tokens.ts';
import { buildProvider, checkClients } from './oidc/provider.ts';
import { providerRoutes } from './oidc/routes.ts';
import { createTickets } from './oidc/tickets.ts';
import { createPace, LINK_MAILS, RESET_REQUESTS, SIGN_UPS } from './pace.ts';
import { createCommonPasswords } from './passwords/common-passwords.ts';
import { createHashSlots } from './passwords/hash-slots.ts';
import { createPasswords, type Passwords } from './passwords/passwords.ts';
import { peopleRoutes } from './people.ts';
import { identitySeal } from './seal.ts';
import { createPasskeys } from './second-factor/passkey-store.ts';
import { createSecondFactors } from './second-factor/second-factor-store.ts';
import { createCeremonies } from './second-factor/webauthn.ts';
import { tellOfEnds } from './session-ends.ts';
import { type GenerateKey, openSigningKeys, type SigningKeys } from './signing-keys.ts';
import { identitySubscriptions } from './subscriptions.ts';

export interface IdentityDeps {
  readonly db: Database;
  readonly outbox: Outbox;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly newId: NewId;
  /** `iss` of every token. */
  readonly issuer: string;
  readonly audience: string;
  /** 32 bytes that seal the signing keys in the database; the successors of refresh tokens are derived with them. */
  readonly keyEncryptionKey: Buffer;
  readonly serviceClients: ServiceClients;
  /** Applications besides the shop's own; one with the id of such replaces it. */
  readonly clients: readonly Client[];
  readonly accountTokenSeconds: number;
  /** Create the demo accounts and secrets that are missing. */
  readonly demo: boolean;
  readonly passwords?: Passwords;
  readonly generateKey?: GenerateKey;
}

export interface IdentityApp {
  readonly handlers: readonly RouteHandler[];
  readonly rawRoutes: NonNullable<HttpHostOptions['rawRoutes']>;
  readonly subscriptions: ReturnType<typeof identitySubscriptions>;
  readonly verifyToken: VerifyToken;
  readonly keys: SigningKeys;
  readonly sessions: Sessions;
  readonly notices: LogoutNotices;
  /** Sees to some of those who have forgotten their password. Returns how many. */
  sendResetLinks(): Promise<number>;
  /** Makes, drops and takes up keys, deletes what has expired. Call it every few minutes. */
  keepUp(): Promise<void>;
}

export async function createIdentityApp(deps: IdentityDeps): Promise<IdentityApp> {
  const { db, clock, newId, issuer, audience, logger, keyEncryptionKey } = deps;
  const accounts = createAccountStore(db);
  const passwords = deps.passwords ?? createPasswords();
  if (deps.demo) await seedDemoAccounts(db, accounts, passwords, clock.now());
  const { generateKey: generate } = deps;
  const seal = identitySeal(keyEncryptionKey);
  const keys = await openSigningKeys({ db, seal, clock, ...(generate && { generate }) });
  const common = { ...deps, accounts, passwords, keys };
  const core = createSessionCore(common);
  const { lifetimes } = core;
  const logging = {
    logInSlots: createHashSlots({ concurrent: 2, queued: 256 }),
    signUpSlots: createHashSlots({ concurrent: 1, queued: 64 }),
    throttle: createLoginThrottle(db),
    commonPasswords: createCommonPasswords(),
    links: createAccountLinks(db, clock),
    secondFactors: createSecondFactors(db, seal, clock),
    passkeys: createPasskeys(db, clock),
    ceremonies: createCeremonies(issuer, seal, clock),
    tickets: createTickets(seal, clock),
    resetPace: createPace(db, RESET_REQUESTS),
    linkPace: createPace(db, LINK_MAILS),
    signUpPace: createPace(db, SIGN_UPS),
  };
  const accessTokens = createAccessTokens({
    ...{ keys, issuer, audience, clock, newId },
    accountTokenSeconds: lifetimes.accessTokenSeconds,
  });
  const oidc = await createOidc({ ...common, ...core, ...logging, accessTokens });

  const routes = identityRoutes({
    ...common,
    ...core,
    ...logging,
    accessTokens,
    clients: deps.serviceClients,
  });
  const verifyToken = createTokenVerifier({ issuer, audience, algorithms: ['ES256'], keys, clock });
  return {
    handlers: [...routes, ...peopleRoutes({ ...deps, sessions: core.sessions })],
    rawRoutes: oidc.rawRoutes,
    subscriptions: identitySubscriptions(accounts),
    verifyToken,
    keys,
    sessions: core.sessions,
    notices: core.notices,
    sendResetLinks: () => sendResetLinks({ ...common, ...logging }),
    keepUp: async () => {
      if (await keys.refresh()) {
        oidc.rebuild();
        logger.info({ kids: keys.jwks().keys.map((key) => key['kid']) }, 'signing keys changed');
      }
      await prune(db, clock);
    },
  };
}

interface Common extends IdentityDeps {
  readonly accounts: ReturnType<typeof createAccountStore>;
  readonly passwords: Passwords;
  readonly keys: SigningKeys;
}

/** What password logins and OpenID Connect share: sessions, refresh tokens, and who is told of an end. */
function createSessionCore({ db, clock, newId, issuer, keys, logger, outbox, demo, ...deps }: Common) {
  const lifetimes = { ...LIFETIMES, accessTokenSeconds: deps.accountTokenSeconds };
  const successorOf = createSuccessors(deps.keyEncryptionKey);
  const clients = withReplaced(shopClients(new URL(issuer).origin, demo), deps.clients);
  const notices = createLogoutNotices({
    db,
    clock,
    newId,
    uriOf: (clientId) => clients.find(({ id }) => id === clientId)?.backchannelLogoutUri,
    sign: createLogoutTokens(issuer, keys, clock),
    onGivenUp: ({ clientId, sessionId }, problem) =>
      logger.error({ clientId, sessionId, problem }, 'a client never heard that a session ended'),
  });
  const sessions = createSessions({
    db,
    clock,
    lifetimes,
    onEnded: tellOfEnds({ outbox, notices }),
  });
  const refreshTokens = createRefreshTokens({ clock, lifetimes, successorOf });
  return { lifetimes, successorOf, applications: clients, notices, sessions, refreshTokens };
}

type OidcDeps = Common &
  ReturnType<typeof createSessionCore> & {
    readonly logInSlots: ReturnType<typeof createHashSlots>;
    readonly signUpSlots: ReturnType<typeof createHashSlots>;
    readonly throttle: ReturnType<typeof createLoginThrottle>;
    readonly commonPasswords: ReturnType<typeof createCommonPasswords>;
    readonly links: ReturnType<typeof createAccountLinks>;
    readonly secondFactors: ReturnType<typeof createSecondFactors>;
    readonly passkeys: ReturnType<typeof createPasskeys>;
    readonly ceremonies: ReturnType<typeof createCeremonies>;
    readonly tickets: ReturnType<typeof createTickets>;
    readonly resetPace: ReturnType<typeof createPace>;
    readonly signUpPace: ReturnType<typeof createPace>;
    readonly accessTokens: AccessTokens;
  };

async function createOidc(deps: OidcDeps) {
  const { db, clock, issuer, audience, demo, applications: clients } = deps;
  const scope = createProviderScope(db);
  const secrets = createClientSecrets(scope.on, clock);
  if (demo) for (const [id, secret] of Object.entries(demoSecrets(clients))) await secrets.seed(id, secret);
  const { origin } = new URL(issuer);
  const apiResources = [`${origin}/`, origin, `urn:${audience}:api`] as const;
  assertApart(clients, deps.serviceClients);
  const exchangeToken = createTokenExchange(deps);
  const build = () =>
    buildProvider({
      ...deps,
      exchangeToken,
      scope,
      secrets,
      clients,
      apiResources,
      key: deps.keyEncryptionKey,
    });
  let provider = build();
  await checkClients(provider, clients);
  const callback = createProviderCallback(provider);
  const serveInteraction = createInteractions({ ...deps, clients, scope, provider: () => provider });
  return {
    rawRoutes: providerRoutes({
      ...{ issuer, callback, serveInteraction },
      serveAccountPage: createAccountPages(deps),
    }),
    /** With the keys that hold now. Requests that are under way end with those they began with. */
    rebuild: () => {
      provider = build();
      callback.swap(provider);
    },
  };
}

/** By one name and two secrets, nobody could say who it was. */
function assertApart(clients: readonly Client[], services: ServiceClients): void {
  const twice = clients.find(({ id }) => Object.hasOwn(services, id));
  if (twice === undefined) return;
  const message = `the client ${twice.id} has the name of a service`;
  throw identityError('IDENTITY_CLIENT_INVALID', message);
}
