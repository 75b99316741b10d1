import type { AggregateConfig, DynamicPolicy, GatewayConfig, RouteConfig } from '../model.ts';
import { isPreflight } from '../policies/cors/cors.ts';
import { fieldValue } from '../wire/rules/fields.ts';
import { badTarget, NOT_FOUND, type Refusal } from '../wire/rules/refusal.ts';
import { isMethod, type RequestHead } from '../wire/rules/request.ts';
import { AMBIGUOUS_ESCAPE } from '../wire/rules/target.ts';
import { type Candidate, orderCandidates } from './candidates.ts';
import { findDynamic } from './dynamic.ts';
import { createRouteIndex } from './route-index.ts';

export type RouteFound =
  | { readonly kind: 'route'; readonly route: RouteConfig; readonly values: Map<string, string> }
  | { readonly kind: 'aggregate'; readonly aggregate: AggregateConfig; readonly values: Map<string, string> }
  | {
      readonly kind: 'dynamic';
      readonly policy: DynamicPolicy;
      readonly service: string;
      readonly namespace: string | undefined;
      /** What is left of the path for the service. */
      readonly path: string;
      readonly values: Map<string, string>;
    };

/** Nothing that may be served. */
export interface RouteRefused extends Refusal {
  /** Whose path it is: pages that may read its answers may read this one. */
  readonly on?: RouteConfig | AggregateConfig;
}

/** Values are URL text as it came; those of header templates are percent-encoded. */
export interface RouteTable {
  /** 404 when nothing matches, 400 when path parameters would change what does. */
  find(request: RequestHead): RouteFound | RouteRefused;
}

/** The cost of a look-up does not depend on how many routes there are, only on how many match the same paths. */
export function createRouteTable(config: GatewayConfig): RouteTable {
  const index = createRouteIndex(orderCandidates(config));
  const keysWithCors = new Set(config.routes.filter(({ cors }) => cors !== undefined).map(({ key }) => key));

  /** Of an aggregate each part has its say. */
  function answersPreflights({ found }: Candidate): boolean {
    if (found.kind === 'route') return found.route.cors !== undefined;
    return found.aggregate.routeKeys.every((key) => keysWithCors.has(key));
  }

  function first(request: RequestHead, path: string, host: string): Match | undefined {
    const lower = path.toLowerCase();
    let found: Match | undefined;
    index.candidates(lower, (candidates) => {
      for (const candidate of candidates) {
        if (found !== undefined && candidate.rank > found.candidate.rank) return;
        const values = tryCandidate(candidate, request, path, lower, host);
        if (values === undefined) continue;
        found = { candidate, values };
        return;
      }
    });
    return found;
  }

  /** A preflight is for the route of the request that is to follow, if that has something to say about it. */
  function forPreflight(request: RequestHead, host: string): Match | undefined {
    if (!isPreflight(request)) return undefined;
    const asked = fieldValue(request.fields, 'access-control-request-method') ?? '';
    if (!isMethod(asked)) return undefined;
    const match = first({ ...request, method: asked }, request.target.path, host);
    return match !== undefined && answersPreflights(match.candidate) ? match : undefined;
  }

  /** Why what was found may not be served. */
  function doubtAbout(match: Match | undefined, request: RequestHead, host: string): Refusal | undefined {
    const { target } = request;
    // A back end that drops `;parameters` would see another path than the one that was decided on.
    if (target.withoutParameters !== target.path) {
      const other = first(request, target.withoutParameters, host);
      if (other?.candidate !== match?.candidate) return badTarget('path parameters would change the route');
    }
    return target.hidesSlashes && !passesSlashes(match) ? AMBIGUOUS_ESCAPE : undefined;
  }

  return {
    find: (request) => {
      const { target } = request;
      if (config.dynamic !== undefined && target.hidesSlashes) return AMBIGUOUS_ESCAPE;
      if (config.dynamic !== undefined) return findDynamic(config.dynamic, target) ?? NOT_FOUND;
      const host = hostName(request.host, config.strict);
      const preflight = forPreflight(request, host);
      if (preflight !== undefined) return toFound(preflight, config.strict); // it is answered here, whatever the path hides
      const match = first(request, target.path, host);
      const doubt = doubtAbout(match, request, host);
      if (match === undefined) return doubt ?? NOT_FOUND;
      return doubt === undefined ? toFound(match, config.strict) : { ...doubt, on: match.candidate.match };
    },
  };
}

function passesSlashes(match: Match | undefined): boolean {
  const found = match?.candidate.found;
  return found?.kind === 'route' && found.route.passesEncodedSlashes;
}

interface Match {
  readonly candidate: Candidate;
  readonly values: Map<string, string>;
}

/** The same decision as `find`, by looking at every candidate: what the index must agree with. */
export function tryCandidate(
  { match, template, headers, host: hosts }: Candidate,
  { method, fields, target }: RequestHead,
  path: string,
  lower: string,
  host: string,
): Map<string, string> | undefined {
  // A method beyond the usual ones is for routes that name it.
  if (match.methods.length === 0 ? !isMethod(method) : !match.methods.includes(method)) return undefined;
  if (hosts?.matches(host) === false) return undefined;
  const values = template.match(path, lower, target.query);
  if (values === undefined) return undefined;
  return headers === undefined || headers(fields, values) ? values : undefined;
}

/** The host without its port; in lower case unless hosts are compared exactly. */
export function hostName(host: string, strict: boolean): string {
  const colon = host.lastIndexOf(':');
  const name = colon === -1 || host.endsWith(']') ? host : host.slice(0, colon);
  return strict ? name : name.toLowerCase();
}

function toFound({ candidate: { found, template }, values }: Match, strict: boolean): RouteFound {
  if (strict) for (const name of template.pathNames) cutAtAmpersand(values, name);
  return found.kind === 'route'
    ? { kind: 'route', route: found.route, values }
    : { kind: 'aggregate', aggregate: found.aggregate, values };
}

function cutAtAmpersand(values: Map<string, string>, name: string): void {
  const value = values.get(name);
  const ampersand = value?.indexOf('&') ?? -1;
  if (value !== undefined && ampersand !== -1) values.set(name, value.slice(0, ampersand));
}
