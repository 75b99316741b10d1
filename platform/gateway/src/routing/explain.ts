import type { GatewayConfig, RouteConfig } from '../model.ts';
import type { OwnAnswerConfig } from '../policies/own-answer/config.ts';
import type { PolicyConfig } from '../policies/policies.ts';
import { matchPath } from '../templates/path-template.ts';
import { fieldName } from '../wire/rules/field-names.ts';
import { METHOD_NOT_ALLOWED, type Refusal } from '../wire/rules/refusal.ts';
import { isMethod, type RequestHead } from '../wire/rules/request.ts';
import { parseTarget } from '../wire/rules/target.ts';
import { type Candidate, orderCandidates } from './candidates.ts';
import { compileDownstreamUrl, overridden } from './downstream-url.ts';
import { createRouteTable, hostName, type RouteFound } from './route-table.ts';

/** What the gateway would do with a request, and why. */
export interface Explanation {
  readonly method: string;
  readonly host: string;
  readonly path: string;
  readonly query: string;
  readonly winner: Winner | undefined;
  /** Without a winner: what the client gets. */
  readonly refusal: Pick<Refusal, 'status' | 'code' | 'detail'> | undefined;
  /** In the order of trying. */
  readonly others: readonly Loser[];
}

export interface Winner {
  readonly kind: RouteFound['kind'];
  /** `Routes[3]`; for a dynamic route the service. */
  readonly place: string;
  readonly name: string;
  readonly values: Readonly<Record<string, string>>;
  /** What the gateway itself answers, asking nobody. */
  readonly answer?: string;
  /** What the back end gets; an aggregate calls several. */
  readonly upstream: readonly BackendCall[];
}

export interface BackendCall {
  readonly method: string;
  /** With the first host, or the service's name in its place. `undefined` = refused with 400. */
  readonly url: string | undefined;
  readonly balancer: string;
  readonly instances: number | 'by discovery';
  /** Policies on the way, in their order. */
  readonly policies: readonly string[];
}

export interface Loser {
  readonly place: string;
  readonly name: string;
  readonly reasons: readonly string[];
}

/** Pure: nothing is called. Claims are not known here, so placeholders that they fill stay as written. */
export function explainRequest(config: GatewayConfig, request: RequestHead): Explanation {
  const { method, host, target } = request;
  const candidates = orderCandidates(config);
  const found = createRouteTable(config).find(request);
  const isFound = !('status' in found);
  const winning = isFound ? candidates.find(({ match }) => match === matchOf(found)) : undefined;
  return {
    method,
    host,
    path: target.path,
    query: target.query,
    winner: isFound ? describeWinner(config, request, found, winning) : undefined,
    refusal: isFound ? undefined : found,
    others: candidates
      .filter((candidate) => candidate !== winning)
      .map((candidate) => ({
        place: placeOf(config, candidate),
        name: candidate.match.name,
        reasons: reasonsAgainst(config, request, candidate, winning),
      })),
  };
}

function matchOf(found: RouteFound): Candidate['match'] | undefined {
  if (found.kind === 'dynamic') return undefined;
  return found.kind === 'route' ? found.route : found.aggregate;
}

function placeOf(config: GatewayConfig, { found, position }: Candidate): string {
  return found.kind === 'route' ? `Routes[${position}]` : `Aggregates[${position - config.routes.length}]`;
}

function reasonsAgainst(
  config: GatewayConfig,
  request: RequestHead,
  { match, template, headers, host, position }: Candidate,
  winning: Candidate | undefined,
): readonly string[] {
  const { path, query } = request.target;
  const lower = path.toLowerCase();
  const reasons: string[] = [];
  if (request.target.hidesSlashes && !('passesEncodedSlashes' in match && match.passesEncodedSlashes))
    reasons.push('the path has escaped slashes, which EncodedSlashes does not pass here');
  const pathMatches = matchPath(template, path, match.caseSensitive ? path : lower, new Map());
  if (!pathMatches) reasons.push('the path does not match');
  else if (template.match(path, lower, query) === undefined) reasons.push('the query does not match');
  if (match.methods.length > 0 && !match.methods.includes(request.method))
    reasons.push(`the method must be ${match.methods.join(' or ')}`);
  if (host?.matches(hostName(request.host, config.strict)) === false)
    reasons.push(`the host must be ${match.upstreamHost}`);
  if (headers !== undefined && !headers(request.fields, new Map()))
    reasons.push(
      `the headers must match ${[...match.headerTemplates].map(([name, value]) => `${name}: ${value}`).join(', ')}`,
    );
  if (reasons.length > 0 || winning === undefined) return reasons;
  return [reasonBehind(config, { match, host, position }, winning)];
}

/** It matches, too: why another one is taken. */
function reasonBehind(
  config: GatewayConfig,
  { match, host, position }: Pick<Candidate, 'match' | 'host' | 'position'>,
  winning: Candidate,
): string {
  if (winning.match.upstreamHost !== undefined && match.upstreamHost === undefined)
    return 'matches, but a route with a matching UpstreamHost comes first';
  if (winning.host !== undefined && host !== undefined && winning.host.closeness > host.closeness)
    return 'matches, but a route with a closer UpstreamHost comes first';
  if (winning.match.priority !== match.priority)
    return `matches, but Priority ${match.priority} is lower than ${winning.match.priority}`;
  if (config.routeOrder === 'specificity') return 'matches, but is less specific or listed later';
  return position < winning.position ? 'matches' : 'matches, but is listed later with the same Priority';
}

function describeWinner(
  config: GatewayConfig,
  request: RequestHead,
  found: RouteFound,
  winning: Candidate | undefined,
): Winner {
  const values = Object.fromEntries(found.values);
  if (found.kind === 'dynamic') {
    const { service, path, policy } = found;
    const url = `${policy.scheme}://${service}${path}${overridden(request.target.query, new Map())}`;
    const call = {
      method: request.method,
      url,
      balancer: policy.balancer.type,
      instances: 'by discovery' as const,
    };
    return {
      kind: 'dynamic',
      place: service,
      name: service,
      values,
      upstream: [{ ...call, policies: policiesOf(policy) }],
    };
  }
  const match = found.kind === 'route' ? found.route : found.aggregate;
  const own = found.kind === 'route' ? found.route.ownAnswer : undefined;
  const parts =
    found.kind === 'route'
      ? [found.route]
      : found.aggregate.routeKeys.flatMap((key) => config.routes.filter((route) => route.key === key));
  return {
    kind: found.kind,
    place: winning === undefined ? '' : placeOf(config, winning),
    name: match.name,
    values,
    ...(own && { answer: describeAnswer(own) }),
    upstream: (own === undefined ? parts : []).map((route) =>
      describeCall(config, request, found, match.name, route),
    ),
  };
}

function describeAnswer(own: OwnAnswerConfig): string {
  return own.kind === 'fixed' ? String(own.status) : `${own.status} to ${own.origin}${own.template}`;
}

function describeCall(
  config: GatewayConfig,
  request: RequestHead,
  { values }: RouteFound,
  upstream: string,
  route: RouteConfig,
): BackendCall {
  const { target, scheme } = route;
  const make = compileDownstreamUrl({
    upstream,
    downstream: route.downstreamTemplate,
    strict: config.strict,
  });
  const made = make(values, request.target, new Map());
  const [first] = target.kind === 'hosts' ? target.hosts : [];
  const authority = first === undefined ? serviceOf(route) : `${first.host}:${first.port}`;
  const protocol = route.webSocket ? { http: 'ws', https: 'wss' }[scheme] : scheme;
  return {
    method: route.downstreamMethod ?? request.method,
    url: typeof made === 'string' ? `${protocol}://${authority}${made}` : undefined,
    balancer: route.balancer.type,
    instances: target.kind === 'hosts' ? target.hosts.length : 'by discovery',
    policies: policiesOf(route),
  };
}

function serviceOf({ target }: RouteConfig): string {
  return target.kind === 'service' ? target.service : '';
}

function policiesOf(route: PolicyConfig): readonly string[] {
  const {
    ipRules,
    cors,
    rateLimit,
    furtherLimits,
    authentication,
    forwardAuth,
    claims,
    cache,
    breaker,
    strangler,
    maxBodyBytes,
  } = route;
  return [
    ipRules && 'address lists',
    cors && `CORS for ${cors.allowedOrigins.join(', ')}`,
    ...[rateLimit, ...furtherLimits].map(
      (limit) => limit && `rate limit ${limit.limit} per ${limit.period} by ${limit.key.kind}`,
    ),
    authentication && `token of ${authentication.providers.join(' or ')}`,
    forwardAuth && `asks ${forwardAuth.authority}`,
    authentication &&
      authentication.allowedScopes.length > 0 &&
      `scope ${authentication.allowedScopes.join(' or ')}`,
    claims.required.size > 0 && `claims ${[...claims.required.keys()].join(', ')}`,
    cache && `cache ${cache.ttlMs / 1000} s`,
    breaker && 'circuit breaker',
    strangler && `strangler ${strangler.mode}`,
    `timeout ${route.timeoutMs / 1000} s`,
    Number.isFinite(maxBodyBytes) && `body up to ${maxBodyBytes} bytes`,
  ].filter((policy) => typeof policy === 'string');
}

export interface ExplainInput {
  readonly method: string;
  /** A path with its query, or a whole URL, whose host counts unless a `Host` header says otherwise. */
  readonly url: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
}

/** `explainRequest` for what a person types. What could not be a request is refused as the gateway would. */
export function explainUrl(config: GatewayConfig, { method, url, headers }: ExplainInput): Explanation {
  const authority = /^https?:\/\/([^/?#]*)/i.exec(url)?.[1];
  const named = headers.find(([name]) => name.toLowerCase() === 'host')?.[1];
  const host = named ?? authority ?? 'localhost';
  const target = parseTarget(originForm(url), host);
  const refused = (refusal: Refusal): Explanation => ({
    method,
    host,
    path: url,
    query: '',
    winner: undefined,
    refusal,
    others: [],
  });
  if (!isMethod(method) && !config.limits.http1.extraMethods.has(method)) return refused(METHOD_NOT_ALLOWED);
  if (!target.ok) return refused(target.rejection);
  return explainRequest(config, {
    method,
    version: '1.1',
    target: target.value,
    host,
    fields: { names: headers.map(([name]) => fieldName(name)), values: headers.map(([, value]) => value) },
    connectionNames: [],
    framing: { kind: 'none' },
    handshake: 'none',
  });
}

function originForm(url: string): string {
  const rest = url.replace(/^https?:\/\/[^/?#]*/i, '');
  return rest.startsWith('/') ? rest : `/${rest}`;
}
