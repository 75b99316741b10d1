import type { Principal, VerifyToken } from '@flotilla/auth';
import { accept, type Clock, isPlatformError, type Result, reject } from '@flotilla/kernel';
import type { RouteConfig } from './config/gateway-config.ts';
import type { Endpoints } from './endpoints.ts';
import { answerFromCache, type Exchange } from './exchange.ts';
import { type ForwardDeps, forward } from './forward.ts';
import { parseTarget } from './http/target.ts';
import type { RateLimiter } from './rate-limiter.ts';
import { chargeBudget } from './rate-limiting.ts';
import { type Refusal, SERVICE_UNAVAILABLE } from './refusal.ts';
import type { RequestHead } from './request-head.ts';
import type { ResponseCache } from './response-cache.ts';
import type { RouteTable } from './route-table.ts';

/** What a configuration turns into to serve requests. */
export interface Runtime {
  readonly routes: RouteTable;
  readonly stateOf: (route: RouteConfig) => RouteState;
  readonly cache: ResponseCache;
  readonly verifyToken: VerifyToken;
  readonly clock: Clock;
  readonly forwarding: ForwardDeps;
  readonly countCache: (result: 'hit' | 'miss') => void;
  readonly countInvalidToken: (reason: string) => void;
}

export interface RouteState {
  readonly endpoints: Endpoints;
  readonly limiter: RateLimiter | undefined;
}

/**
 * One request, top to bottom, after its head was read. Resolves with a refusal to be sent, or `undefined` when the client has its answer.
 * The order decides which error wins: it is the one of the configuration reference.
 */
export async function handle(
  exchange: Exchange,
  head: RequestHead,
  runtime: Runtime,
): Promise<Refusal | undefined> {
  if (isForGateway(head, exchange)) return answerForItself(exchange);

  const parsed = parseTarget(exchange.request.url ?? '', head.host);
  if (!parsed.ok) return parsed.rejection;
  const target = parsed.value;

  const found = runtime.routes.find(head, target);
  if (!found.ok) return found.rejection;
  const { route } = found.value;
  const { endpoints, limiter } = runtime.stateOf(route);
  exchange.route = route.name;
  exchange.startDeadline(route.timeoutMs);

  const overBudget = chargeBudget(exchange, head, route.rateLimit, limiter, 'client', runtime.clock);
  if (overBudget !== undefined) return overBudget;

  const authenticated = await authenticate(head, route, runtime);
  if (!authenticated.ok) return authenticated.rejection;
  exchange.principal = authenticated.value;

  const overOwnBudget = chargeBudget(exchange, head, route.rateLimit, limiter, 'subject', runtime.clock);
  if (overOwnBudget !== undefined) return overOwnBudget;

  const nowMs = runtime.clock.now().getTime();
  const cacheKey = route.cache && runtime.cache.keyFor(head, target, route.cache);
  const stored = cacheKey && runtime.cache.find(cacheKey, nowMs);
  if (cacheKey) runtime.countCache(stored ? 'hit' : 'miss');
  if (stored) {
    answerFromCache(exchange, stored, nowMs);
    return undefined;
  }

  return forward(
    exchange,
    {
      head,
      target,
      match: found.value,
      endpoints,
      record: (answer) => cacheKey && runtime.cache.record(cacheKey, answer, runtime.clock.now().getTime()),
    },
    runtime.forwarding,
  );
}

/** `OPTIONS *` asks about the server as a whole; with `Max-Forwards: 0` the sender wants nobody behind it. */
function isForGateway({ method, fields }: RequestHead, { request }: Exchange): boolean {
  return method === 'OPTIONS' && (request.url === '*' || fields.get('max-forwards') === '0');
}

function answerForItself({ response, answerHeaders }: Exchange): undefined {
  response.writeHead(204, answerHeaders);
  response.end();
}

/** The verified caller, `undefined` on an open route. */
async function authenticate(
  head: RequestHead,
  { authentication }: RouteConfig,
  { verifyToken, countInvalidToken }: Runtime,
): Promise<Result<Principal | undefined, Refusal>> {
  if (authentication === undefined || isPreflight(head)) return accept(undefined);
  const [, token] = /^bearer +([^\s,]+)$/i.exec(head.fields.get('authorization') ?? '') ?? [];
  if (token === undefined) return reject(unauthorized('Bearer'));
  try {
    const principal = await verifyToken(token);
    const { allowedScopes } = authentication;
    const permitted =
      allowedScopes.length === 0 || allowedScopes.some((scope) => principal.scopes.has(scope));
    return permitted ? accept(principal) : reject(forbidden(allowedScopes));
  } catch (error) {
    if (!isPlatformError(error)) throw error;
    if (error.retryable) return reject(SERVICE_UNAVAILABLE);
    countInvalidToken(String(error.details['reason'] ?? 'unknown'));
    return reject(unauthorized('Bearer error="invalid_token"'));
  }
}

/** A browser sends preflights without credentials, always. */
function isPreflight({ method, fields }: RequestHead): boolean {
  return method === 'OPTIONS' && fields.has('origin') && fields.has('access-control-request-method');
}

function unauthorized(challenge: string): Refusal {
  return { status: 401, code: 'unauthorized', headers: [['www-authenticate', challenge]] };
}

function forbidden(scopes: readonly string[]): Refusal {
  const challenge = `Bearer error="insufficient_scope", scope="${scopes.join(' ')}"`;
  return { status: 403, code: 'forbidden', headers: [['www-authenticate', challenge]] };
}
