import {
  createExchangedTokens,
  createRemoteKeys,
  createServiceTokens,
  createTokenVerifier,
  type Revocations,
  serviceAudience,
  type VerifyToken,
} from '@flotilla/auth';
import type { Balancer } from '@flotilla/discovery';
import { createHttpClient, defineRoute } from '@flotilla/http';
import * as s from '@flotilla/kernel/schema';
import { ConfigurationError, type ServiceEnvironment } from '@flotilla/process';
import type { Edges } from '@flotilla/resilience';
import { type Logger, type Metrics, newTrace, runInContext } from '@flotilla/telemetry';

const jwks = defineRoute({
  method: 'GET',
  path: '/identity/jwks',
  summary: 'Public keys of the issuer',
  access: 'public',
  responses: { 200: s.anything() },
});

const serviceToken = defineRoute({
  method: 'POST',
  path: '/internal/token',
  summary: 'A token for a service',
  access: 'public',
  body: s.object({ clientId: s.string(), clientSecret: s.string(), scope: s.string() }),
  responses: { 200: s.object({ accessToken: s.string(), expiresIn: s.integer() }) },
  idempotent: true,
});

/** RFC 8693. */
const exchange = defineRoute({
  method: 'POST',
  path: '/identity/token',
  summary: "A user's token for one service",
  access: 'public',
  headers: s.object({ authorization: s.string() }),
  body: s.anything(),
  responses: {
    200: s.object({ access_token: s.string(), expires_in: s.integer() }),
    400: s.object({ error: s.string() }),
  },
  idempotent: true,
});
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';

interface IdentityAccessOptions {
  readonly name: string;
  readonly env: ServiceEnvironment;
  readonly pick: Balancer['pick'];
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly edges: Edges;
  readonly revocations: Pick<Revocations, 'revokes'>;
}

/** What a service needs from identity: the keys to verify its callers, and tokens to prove who it is. */
export function createIdentityAccess(options: IdentityAccessOptions) {
  const { name, env, pick, logger, metrics, edges } = options;
  const client = createHttpClient({ service: 'identity', pick, logger, metrics, edges });
  const onProblem = (error: Error) => logger.warn({ err: error }, 'identity could not be asked');
  const byScope = new Map<string, () => Promise<string>>();
  const byCallee = new Map<string, (userToken: string) => Promise<string>>();

  async function fetchJwks(signal: AbortSignal): Promise<unknown> {
    return (await apart(() => client.call(jwks, {}, { signal }))).body;
  }

  function ownSecret(): string {
    const { serviceSecret } = env;
    if (serviceSecret !== undefined) return serviceSecret;
    throw new ConfigurationError(['SERVICE_SECRET is required to call other services']);
  }

  async function fetchToken(scope: string, signal: AbortSignal) {
    const body = { clientId: name, clientSecret: ownSecret(), scope };
    const reply = await apart(() => client.call(serviceToken, { body }, { signal }));
    return { accessToken: reply.body.accessToken, expiresInSeconds: reply.body.expiresIn };
  }

  async function exchangeFor(callee: string, userToken: string, signal: AbortSignal) {
    const credentials = [name, ownSecret()].map(encodeURIComponent).join(':');
    const headers = { authorization: `Basic ${Buffer.from(credentials).toString('base64')}` };
    const body = new URLSearchParams({
      ...{ grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange', audience: callee },
      ...{ subject_token: userToken, subject_token_type: ACCESS_TOKEN },
    });
    const reply = await apart(() => client.call(exchange, { headers, body }, { signal }));
    if (reply.status === 200)
      return { accessToken: reply.body.access_token, expiresInSeconds: reply.body.expires_in };
    if (reply.body.error === 'invalid_request') return undefined;
    throw new Error(`identity gives ${name} no tokens for ${callee}: ${reply.body.error}`);
  }

  return {
    verifyToken: createVerifier(options, fetchJwks, onProblem),
    /** One function for each scope: the token is kept until shortly before it expires. */
    tokens: (scope: string): (() => Promise<string>) => {
      const known =
        byScope.get(scope) ??
        createServiceTokens({ fetchToken: (signal) => fetchToken(scope, signal), onProblem });
      byScope.set(scope, known);
      return known;
    },
    /** Tokens of users for one callee. */
    exchanged: (callee: string): ((userToken: string) => Promise<string>) => {
      const known =
        byCallee.get(callee) ??
        createExchangedTokens({ exchange: (userToken, signal) => exchangeFor(callee, userToken, signal) });
      byCallee.set(callee, known);
      return known;
    },
    close: () => client.close(),
  };
}

function createVerifier(
  { name, env, revocations }: IdentityAccessOptions,
  fetchJwks: (signal: AbortSignal) => Promise<unknown>,
  onProblem: (error: Error) => void,
): VerifyToken | undefined {
  if (env.issuer === undefined) return undefined;
  return createTokenVerifier({
    issuer: env.issuer,
    // Of a user's client, or exchanged by a caller for this service alone.
    audience: [env.audience, serviceAudience(env.audience, name)],
    algorithms: ['ES256'],
    keys: createRemoteKeys({ fetchJwks, onProblem }),
    revocations,
    callers: env.callers,
  });
}

/** Keys and tokens serve all requests: the deadline of the one that happens to need them first must not count. */
function apart<T>(work: () => Promise<T>): Promise<T> {
  return runInContext({ trace: newTrace() }, work);
}
