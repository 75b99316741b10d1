import { routeIdOf } from '../backends/route-id.ts';
import type { RouteConfig } from '../model.ts';
import type { StranglerConfig } from '../policies/strangler/config.ts';

/** The route as its new side. It is a route of its own for pools, breakers and metrics. */
export function newSideOf(route: RouteConfig, config: StranglerConfig): RouteConfig {
  return {
    ...route,
    key: newSideId(route),
    target: config.target,
    scheme: config.scheme,
    downstreamTemplate: config.pathTemplate ?? route.downstreamTemplate,
    strangler: undefined,
  };
}

export function newSideId(route: Parameters<typeof routeIdOf>[0]): string {
  return `${routeIdOf(route)} (new)`;
}
