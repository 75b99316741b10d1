import { BoundedMap } from '@flotilla/kernel';
import { type Aggregate, type AggregateMerge, serveAggregate } from './aggregates/aggregate.ts';
import type { ByteBudget } from './aggregates/byte-budget.ts';
import type { Exchange } from './exchange.ts';
import type { AggregateConfig, DynamicPolicy, GatewayConfig, RouteConfig } from './model.ts';
import { createOpenApi } from './openapi/create-openapi.ts';
import { type CompileDeps, compileRoute, type UrlSource } from './pipeline/compile-route.ts';
import type { ForwardDeps } from './pipeline/forwarding.ts';
import { addOwnFields, refuse } from './pipeline/refuse.ts';
import type { RouteRuntime } from './pipeline/route-runtime.ts';
import { serveRoute } from './pipeline/serve-route.ts';
import { compileCors, corsOfAll } from './policies/cors/cors.ts';
import { compileView, trustIn } from './policies/forwarded/forwarded.ts';
import { compileIpSet } from './policies/ip-rules/ip-ranges.ts';
import { createRouteTable, type RouteRefused } from './routing/route-table.ts';
import { parseJsonPath } from './templates/json-path.ts';
import { fieldName } from './wire/rules/field-names.ts';
import { appendField, noFields } from './wire/rules/fields.ts';
import type { Refusal } from './wire/rules/refusal.ts';

/** A configuration made ready to serve. Requests that began with one are finished by it. */
export interface Runtime {
  readonly config: GatewayConfig;
  /** Answers the exchange, sooner or later. */
  serve(exchange: Exchange): void;
  /** Does the peer at this address bring the requests of others? */
  isTrustedProxy(address: string): boolean;
}

export interface RuntimeDeps extends CompileDeps {
  readonly forwarding: ForwardDeps;
  readonly aggregators: Readonly<Record<string, AggregateMerge>>;
  readonly aggregateBytes: ByteBudget;
  /** Served beside the merged OpenAPI, by path. */
  readonly documents: Readonly<Record<string, object>>;
}

/** A route that takes what no other does. */
const FOR_EVERYTHING = /^\/\{[^{}/]+\}$/;
/** Services are named by clients: what is made for them is bounded. */
const MAX_DYNAMIC_ROUTES = 1_000;

export function createRuntime(deps: RuntimeDeps): Runtime {
  const { config, forwarding } = deps;
  const { strict } = config;
  const table = createRouteTable(config);
  const viewOf = compileView(config);
  const routes = new Map(
    config.routes.map((route) => [
      route,
      compileRoute(route, { kind: 'template', upstream: route.name }, deps),
    ]),
  );
  const aggregates = new Map(
    config.aggregates.map((aggregate) => [aggregate, compileAggregate(aggregate, deps)]),
  );
  const dynamic = createDynamicRoutes(deps);
  const openApi = createOpenApi({ ...deps, locate: deps.backends.locate });

  /** Where no route is but one for everything, the gateway's own documents may be. */
  function showDocument(exchange: Exchange): boolean {
    const { method, target } = exchange.request;
    if (openApi === undefined || (method !== 'GET' && method !== 'HEAD')) return false;
    const document = openApi.find(target.path);
    if (document === undefined) return false;
    exchange.route = '/docs/{everything}';
    const done = (refusal: Refusal | undefined) => finish(exchange, refusal, strict);
    document
      .then(({ contentType, body, headers }) => {
        const fields = noFields();
        addOwnFields(fields, exchange, strict);
        appendField(fields, fieldName('Content-Type'), contentType);
        for (const [name, value] of headers) appendField(fields, fieldName(name), value);
        const bodyBytes = Buffer.byteLength(body);
        exchange.answer.send({ status: 200, reason: 'OK', fields, bodyBytes }, body);
        done(undefined);
      })
      .catch((error: unknown) => forwarding.onFault(exchange, error, done));
    return true;
  }

  function refuseUnserved(exchange: Exchange, refused: RouteRefused): void {
    const { on } = refused;
    const whose = on && ('routeKeys' in on ? known(aggregates, on) : known(routes, on));
    whose?.cors?.introduce(exchange);
    finish(exchange, refused, strict);
  }

  const serveOn = (exchange: Exchange, route: RouteRuntime) =>
    serveRoute(exchange, route, forwarding, (refusal) => finish(exchange, refusal, strict));

  return {
    config,
    serve: (exchange) => {
      const host = viewOf(exchange.request.fields, exchange.peerAddress)?.host;
      if (host !== undefined) exchange.request = { ...exchange.request, host };
      const found = table.find(exchange.request);
      if ('code' in found) {
        if (found.status !== 404 || !showDocument(exchange)) refuseUnserved(exchange, found);
        return;
      }
      if (
        !strict &&
        found.kind === 'route' &&
        FOR_EVERYTHING.test(found.route.name) &&
        showDocument(exchange)
      )
        return;
      exchange.values = found.values;
      if (found.kind === 'route') serveOn(exchange, known(routes, found.route));
      else if (found.kind === 'dynamic') serveOn(exchange, dynamic(found));
      else serveWhole(exchange, known(aggregates, found.aggregate), forwarding, strict);
    },
    isTrustedProxy: trustIn(compileIpSet(config.trustedProxies)),
  };
}

function serveWhole(exchange: Exchange, aggregate: Aggregate, deps: ForwardDeps, strict: boolean): void {
  exchange.route = aggregate.name;
  const done = (refusal: Refusal | undefined) => finish(exchange, refusal, strict);
  aggregate.cors?.introduce(exchange);
  const told = aggregate.cors?.preflight(exchange);
  if (told !== undefined) {
    done(told);
    return;
  }
  serveAggregate(
    exchange,
    aggregate,
    (part, route) => new Promise((resolve) => serveRoute(part, route, deps, resolve)),
  )
    .then(done)
    .catch((error: unknown) => deps.onFault(exchange, error, done));
}

function finish(exchange: Exchange, refusal: Refusal | undefined, strict: boolean): void {
  if (refusal !== undefined) refuse(exchange, refusal, strict);
  const { body } = exchange;
  if (body.state === 'unread' || body.state === 'reading') body.discard();
}

function known<Key extends { readonly name: string }, Value>(map: ReadonlyMap<Key, Value>, key: Key): Value {
  const value = map.get(key);
  if (value === undefined) throw new RangeError(`${key.name} is not part of this configuration`);
  return value;
}

function compileAggregate(aggregate: AggregateConfig, deps: RuntimeDeps): Aggregate {
  const { config, aggregators } = deps;
  const parts = aggregate.routeKeys.map((key) => {
    const route = config.routes.find((one) => one.key === key);
    if (route === undefined) throw new RangeError(`no route has the key ${key}`);
    const given = aggregate.expansions.get(key);
    const path = given && parseJsonPath(given.jsonPath);
    if (given !== undefined && path === undefined) throw new RangeError(`not a JSONPath: ${given.jsonPath}`);
    return {
      key,
      // Its placeholders are those of the aggregate's template.
      route: compileRoute(route, { kind: 'template', upstream: aggregate.name }, deps),
      expansion: given && path && { path, parameter: given.parameter },
    };
  });
  return {
    name: aggregate.name,
    cors: compileCors(corsOfAll(parts.map(({ route }) => route.config.cors))),
    parts,
    maxBodyBytes: Math.min(...parts.map(({ route }) => route.config.maxBodyBytes)),
    strict: config.strict,
    room: deps.aggregateBytes,
    timeoutOf: deps.forwarding.refusals.timeout,
    timers: deps.forwarding.timers,
    clientFields: config.clientFields,
    merge: aggregate.aggregator === undefined ? undefined : aggregators[aggregate.aggregator],
  };
}

interface DynamicFound {
  readonly policy: DynamicPolicy;
  readonly service: string;
  readonly namespace: string | undefined;
}

/** The route of a service that the path named, made when it is first asked for; the oldest are forgotten. */
function createDynamicRoutes(deps: RuntimeDeps): (found: DynamicFound) => RouteRuntime {
  const made = new BoundedMap<string, RouteRuntime>(MAX_DYNAMIC_ROUTES);
  return ({ policy, service, namespace }) => {
    const id = `${namespace ?? ''}.${service}`;
    const before = made.get(id);
    if (before !== undefined) return before;
    const route = compileRoute(dynamicRoute(policy, service, namespace), REST, deps);
    made.set(id, route);
    return route;
  };
}

/** Everything behind the first segment. */
const REST: UrlSource = {
  kind: 'rest',
  path: ({ request }) => {
    const { path } = request.target;
    const slash = path.indexOf('/', 1);
    return slash === -1 ? '/' : path.slice(slash);
  },
};

function dynamicRoute(policy: DynamicPolicy, service: string, namespace: string | undefined): RouteConfig {
  const first = namespace === undefined ? service : `${namespace}.${service}`;
  return {
    ...policy,
    name: `/${first}/{everything}`,
    key: undefined,
    methods: [],
    upstreamHost: undefined,
    headerTemplates: new Map(),
    caseSensitive: false,
    priority: 1,
    downstreamTemplate: '/{everything}',
    downstreamMethod: undefined,
    webSocket: false,
    swaggerKey: undefined,
    virtualDirectory: undefined,
    target: { kind: 'service', service, namespace },
  };
}
