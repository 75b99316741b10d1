import { routeIdOf } from '../backends/route-id.ts';
import type { RouteState } from '../backends/route-state.ts';
import type { RouteConfig } from '../model.ts';
import type { StranglerReport } from '../strangler/create-stranglers.ts';
import type { AdminTarget } from './admin-target.ts';
import { masked } from './masked.ts';

/** A route as `GET /routes` of the admin API lists it. */
export interface RouteSummary extends RouteFacts {
  readonly instances: number;
  readonly strangler?: Pick<StranglerReport, 'mode' | 'percent'>;
}

/** A route as `GET /routes/<id>` of the admin API shows it. */
export interface RouteView extends RouteFacts {
  readonly instances: RouteState['instances'];
  readonly strangler?: StranglerReport;
  /** Its secrets are masked. */
  readonly config: unknown;
}

interface RouteFacts {
  readonly id: string;
  readonly upstream: string;
  readonly methods: readonly string[];
  readonly host?: string;
  /** The name of a service, or `host:port` of each. */
  readonly downstream: string | readonly string[];
  readonly usable: number;
  readonly breaker?: NonNullable<RouteState['breaker']>;
  readonly versions?: RouteState['versions'];
}

type Shown = Pick<AdminTarget, 'config' | 'backends' | 'stranglers'>;

export function routeSummaries({ config, backends, stranglers }: Shown): readonly RouteSummary[] {
  const states = new Map(backends.states().map((state) => [state.route, state]));
  const reports = new Map(stranglers.report().map((report) => [report.route, report]));
  return config().routes.map((route) => {
    const state = states.get(routeIdOf(route));
    const report = reports.get(routeIdOf(route));
    return {
      ...factsOf(route, state),
      instances: state?.instances.length ?? 0,
      ...(report && { strangler: { mode: report.mode, percent: report.percent } }),
    };
  });
}

export function routeView({ config, backends, stranglers }: Shown, id: string): RouteView | undefined {
  const route = config().routes.find((one) => routeIdOf(one) === id);
  if (route === undefined) return undefined;
  const isThis = (one: { readonly route: string }) => one.route === id;
  const state = backends.states().find(isThis);
  const strangler = stranglers.report().find(isThis);
  return {
    ...factsOf(route, state),
    instances: state?.instances ?? [],
    ...(strangler && { strangler }),
    config: masked(route),
  };
}

function factsOf(route: RouteConfig, state: RouteState | undefined): RouteFacts {
  const { name, methods, upstreamHost, target } = route;
  return {
    id: routeIdOf(route),
    upstream: name,
    methods,
    ...(upstreamHost !== undefined && { host: upstreamHost }),
    downstream:
      target.kind === 'service' ? target.service : target.hosts.map(({ host, port }) => `${host}:${port}`),
    usable: (state?.instances ?? []).filter((instance) => instance.state === 'usable').length,
    ...(state?.breaker !== undefined && { breaker: state.breaker }),
    ...(state && state.versions.length > 0 && { versions: state.versions }),
  };
}
