import type { Logger } from '@flotilla/telemetry';
import { formatTraceparent } from '@flotilla/telemetry';
import type { Backends } from '../backends/create-backends.ts';
import { routeIdOf } from '../backends/route-id.ts';
import { createStickyCookie, type StickyCookie } from '../backends/sticky-cookie.ts';
import type { Exchange, Step } from '../exchange.ts';
import type { KeptState } from '../kept-state.ts';
import type { GatewayConfig, RouteConfig } from '../model.ts';
import type { ApiKeys } from '../policies/authentication/api-keys.ts';
import { compileAuthentication } from '../policies/authentication/authentication.ts';
import type { TokenProvider } from '../policies/authentication/providers.ts';
import { takeCookie } from '../policies/authentication/token-sources.ts';
import { compileAuthorization } from '../policies/authorization/authorization.ts';
import { compileCache } from '../policies/cache/compile-cache.ts';
import type { ResponseCache } from '../policies/cache/response-cache.ts';
import { compileClaimsToClaims, compileClaimsToRequest } from '../policies/claims/claim-directives.ts';
import { compileClientCertificate } from '../policies/client-certificate/client-certificate.ts';
import { compileCompression } from '../policies/compression/compression.ts';
import { compileForwardedCookies } from '../policies/cookies/forwarded-cookies.ts';
import { type Cors, compileCors, removeCorsFields } from '../policies/cors/cors.ts';
import type { DelegatingHandlers } from '../policies/delegating-handlers/handlers.ts';
import { compileForwardAuth, type ForwardAuthDeps } from '../policies/forward-auth/forward-auth.ts';
import { compileForwarding, strippedPrefix, trustIn } from '../policies/forwarded/forwarded.ts';
import { compileGrpc } from '../policies/grpc/grpc.ts';
import { compileGrpcWeb } from '../policies/grpc-web/grpc-web.ts';
import {
  compileRequestTransforms,
  compileResponseTransforms,
} from '../policies/header-transforms/header-transforms.ts';
import { type CookieJar, createCookieJar } from '../policies/http-handler/cookie-jar.ts';
import { compileIpSet } from '../policies/ip-rules/ip-ranges.ts';
import { compileIpRules } from '../policies/ip-rules/ip-rules.ts';
import { compileOverload, type Load } from '../policies/overload/overload.ts';
import { compileOwnAnswer } from '../policies/own-answer/own-answer.ts';
import {
  type BudgetRegistry,
  compileRateLimit,
  type RateLimitStage,
} from '../policies/rate-limit/rate-limit.ts';
import type { SharedBudgets } from '../policies/rate-limit/shared-budgets.ts';
import { compileRequestId } from '../policies/request-id/request-id.ts';
import { compileWebSocketOrigin } from '../policies/websocket/websocket-origin.ts';
import { compileDownstreamUrl, overridden } from '../routing/downstream-url.ts';
import type { Stranglers } from '../strangler/create-stranglers.ts';
import { fieldName } from '../wire/rules/field-names.ts';
import { appendField, type Fields, fieldValue, setField } from '../wire/rules/fields.ts';
import { isGrpc } from '../wire/rules/grpc.ts';
import { addOwnFields } from './refuse.ts';
import type { RouteRuntime, Side } from './route-runtime.ts';

/** What routes are compiled with. */
export interface CompileDeps extends ForwardAuthDeps {
  readonly config: GatewayConfig;
  readonly backends: Backends;
  readonly stranglers: Stranglers;
  readonly budgets: BudgetRegistry;
  readonly shared: SharedBudgets | undefined;
  readonly providers: ReadonlyMap<string, TokenProvider>;
  readonly apiKeys: ReadonlyMap<string, ApiKeys>;
  readonly handlers: DelegatingHandlers;
  readonly cache: ResponseCache;
  readonly kept: KeptState;
  readonly load: () => Load;
  /** Of this gateway, in `Via`. */
  readonly pseudonym: string;
  readonly nowMs: () => number;
  readonly logger: Logger;
  readonly onTokenRefused: (provider: string, reason: string) => void;
}

/** How a route's URL comes to be: from its templates, or for a dynamic route from what is left of the path. */
export type UrlSource =
  | { readonly kind: 'template'; readonly upstream: string }
  | { readonly kind: 'rest'; readonly path: (exchange: Exchange) => string };

/** What a trusted proxy says of its clients changes what a back end answers. */
const PROXY_FIELDS = ['x-forwarded-host', 'x-forwarded-proto'];
const RESTART_PATIENCE_MS = 4_000;
const TRACEPARENT = fieldName('traceparent');
const DEADLINE = fieldName('x-request-deadline');
const COOKIE = fieldName('Cookie');
const SET_COOKIE = fieldName('Set-Cookie');

export function compileRoute(route: RouteConfig, url: UrlSource, deps: CompileDeps): RouteRuntime {
  const { backends, stranglers, kept } = deps;
  const id = routeIdOf(route);
  const jar = route.handler.usesCookieJar ? cookieJar(url, id, route, kept) : undefined;
  const strangler = stranglers.stranglerFor(route);
  const cors = compileCors(route.cors);
  return {
    cors,
    config: route,
    steps: [
      ...compileSteps(route, url, { ...deps, id, cors }),
      ...(jar === undefined ? [] : [addCookies(jar, deps.nowMs)]),
    ],
    side: compileSide(route, url, deps),
    strangler: strangler && { ...strangler, side: compileSide(strangler.newSide, url, deps) },
    cache: compileCache(route.cache, {
      cache: deps.cache,
      routeId: id,
      strict: deps.config.strict,
      keyFields: deps.config.trustedProxies.length > 0 ? PROXY_FIELDS : [],
    }),
    breaker: backends.breakerFor(route),
    retryBudget: backends.retryBudgetFor(route),
    shapeResponse: compileResponse(route, deps),
    jar,
  };
}

/** Of a dynamic route it ends with the route: clients make up their names, and what is kept must not grow with them. */
function cookieJar(url: UrlSource, id: string, { target }: RouteConfig, kept: KeptState): CookieJar {
  return url.kind === 'rest' ? createCookieJar() : kept.of('cookies', id, target, createCookieJar);
}

/** The policies of a route in the order in which they run. It decides which error wins and what counts. */
function compileSteps(
  route: RouteConfig,
  url: UrlSource,
  deps: CompileDeps & { readonly id: string; readonly cors: Cors | undefined },
): readonly Step[] {
  const { id, cors } = deps;
  const { config, providers, nowMs, budgets, shared, logger } = deps;
  const { strict, trustedProxies, baseUrl } = config;
  const isTrustedProxy = trustIn(compileIpSet(trustedProxies));
  const onWarning = (text: string) =>
    logger.warn({ route: route.name, text }, 'a header transform has no effect');
  const limits = (stage: RateLimitStage) =>
    [route.rateLimit, ...route.furtherLimits].map((one) =>
      compileRateLimit(one, stage, { routeId: id, routeName: route.name, strict, budgets, shared, nowMs }),
    );
  const steps: readonly (Step | undefined)[] = [
    compileCompression(route.compression),
    cors?.introduce,
    cors?.preflight,
    compileOverload(config.overload, route.loadPriority, deps.load),
    compileForwarding({
      ...{ strict, trustedProxies, forwardedHeader: config.forwardedHeader, pseudonym: deps.pseudonym },
      strippedPrefix: strippedPrefix(route.name, route.downstreamTemplate),
    }),
    compileIpRules(route.ipRules),
    compileClientCertificate(route.clientCertificate, isTrustedProxy),
    strict ? undefined : compileGrpc(route.downstreamProtocol),
    compileGrpcWeb(route.grpcWeb),
    compileWebSocketOrigin(route.webSocketOrigins),
    strict ? undefined : addTrace(route.timeoutMs),
    compileRequestTransforms(route.transforms.request, { baseUrl, onWarning }),
    ...limits('before-authentication'),
    compileRequestId(route.requestIdKey),
    compileAuthentication(route.authentication, {
      ...{ strict, providers, apiKeys: deps.apiKeys, nowMs },
      onRefused: deps.onTokenRefused,
    }),
    compileForwardAuth(route.forwardAuth, deps),
    ...limits('after-authentication'),
    compileClaimsToClaims(route.claims, strict),
    compileAuthorization(
      { allowedScopes: route.authentication?.allowedScopes ?? [], required: route.claims.required },
      strict,
    ),
    compileClaimsToRequest(route.claims, { strict, downstreamTemplate: route.downstreamTemplate }),
    keepStickyCookie(route),
    compileForwardedCookies(route.forwardedCookies), // after a token was taken from one
    route.downstreamMethod === undefined ? undefined : changeMethod(route.downstreamMethod),
    ...route.delegatingHandlers.map((name) => deps.handlers[name]?.request),
    compileOwnAnswer(route.ownAnswer, (template) => compileUrl(template, url, strict)),
  ];
  return steps.filter((step) => step !== undefined);
}

/** The back end continues the trace, and learns how long a response is of use; a client may be less patient, never more. */
function addTrace(timeoutMs: number): Step {
  return (exchange) => {
    const { fields } = exchange.outgoing;
    const { request } = exchange;
    exchange.traceparent = formatTraceparent(exchange.trace);
    appendField(fields, TRACEPARENT, exchange.traceparent);
    if (isGrpc(fields)) return undefined; // it has a field of its own for that, which passes
    const clients = fieldValue(request.fields, DEADLINE.lower);
    const clientsMs = clients !== undefined && /^\d{1,9}$/.test(clients) ? Number(clients) : timeoutMs;
    appendField(fields, DEADLINE, String(Math.min(timeoutMs, clientsMs)));
    return undefined;
  };
}

function changeMethod(method: string): Step {
  return ({ outgoing }) => {
    outgoing.method = method;
    return undefined;
  };
}

function addCookies(jar: CookieJar, nowMs: () => number): Step {
  return ({ outgoing: { fields }, request }) => {
    const cookies = jar.valueFor(request.target.path, fieldValue(fields, 'cookie'), nowMs());
    if (cookies !== undefined) setField(fields, COOKIE, cookies);
    return undefined;
  };
}

/** The gateway's own cookie is no business of the back end. */
function keepStickyCookie({ balancer }: RouteConfig): Step | undefined {
  if (balancer.type !== 'StickyCookie') return undefined;
  return (exchange) => {
    takeCookie(exchange, balancer.cookie);
    return undefined;
  };
}

/** For whoever comes without one, or was led to another instance. */
function addStickyCookie(sticky: StickyCookie, exchange: Exchange, fields: Fields): void {
  const { backend, request, secure, outgoing } = exchange;
  if (backend === undefined || sticky.markIn(request) === sticky.markOf(backend)) return;
  const isSecure = secure || fieldValue(outgoing.fields, 'x-forwarded-proto') === 'https';
  appendField(fields, SET_COOKIE, sticky.line(backend, isSecure));
}

const NO_OVERRIDES: ReadonlyMap<string, string> = new Map();

function compileSide(route: RouteConfig, url: UrlSource, { backends, config }: CompileDeps): Side {
  const patienceMs = route.target.kind === 'service' && !config.strict ? RESTART_PATIENCE_MS : 0;
  const pool = backends.poolFor(route);
  return { pool, patienceMs, urlFor: compileUrl(route.downstreamTemplate, url, config.strict) };
}

function compileUrl(downstream: string, url: UrlSource, strict: boolean): Side['urlFor'] {
  if (url.kind === 'rest')
    return (exchange) =>
      url.path(exchange) + overridden(exchange.request.target.query, exchange.outgoing.query ?? NO_OVERRIDES);
  const fill = compileDownstreamUrl({ upstream: url.upstream, downstream, strict });
  return ({ values, request, outgoing }) => fill(values, request.target, outgoing.query ?? NO_OVERRIDES);
}

function compileResponse(
  route: RouteConfig,
  { config, handlers, logger }: CompileDeps,
): RouteRuntime['shapeResponse'] {
  const onWarning = (text: string) =>
    logger.warn({ route: route.name, text }, 'a header transform has no effect');
  const transform = compileResponseTransforms(route.transforms.answer, {
    baseUrl: config.baseUrl,
    onWarning,
  });
  const own = route.delegatingHandlers.flatMap((name) => handlers[name]?.answer ?? []);
  const { balancer } = route;
  const sticky = balancer.type === 'StickyCookie' ? createStickyCookie(balancer) : undefined;
  const hasCors = route.cors !== undefined;
  return (exchange, head, downstreamBaseUrl) => {
    const { fields } = head;
    if (hasCors) removeCorsFields(fields);
    transform?.(exchange, fields, downstreamBaseUrl);
    addOwnFields(fields, exchange, config.strict);
    if (sticky !== undefined) addStickyCookie(sticky, exchange, fields);
    return own.length === 0 ? head : own.reduce((shaped, shape) => shape(exchange, shaped), head);
  };
}
