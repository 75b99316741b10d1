import { configInvalid } from '../errors.ts';
import type { DynamicPolicy, GatewayConfig, RouteConfig } from '../model.ts';

/** Names under which code has given something. */
export interface Given {
  readonly handlers: ReadonlySet<string>;
  readonly aggregators: ReadonlySet<string>;
  readonly balancers: ReadonlySet<string>;
  readonly providers: ReadonlySet<string>;
}

/**
 * A configuration may be read where it is not known what code gives. Throws `GATEWAY_CONFIG_INVALID` with all that it names and code
 * does not have: a handler that is left out may be the one that keeps strangers away.
 */
export function checkRegistered(config: GatewayConfig, given: Given): void {
  const problems = new Set<string>();
  const need = (where: string, kind: keyof Given, names: readonly string[]) => {
    for (const name of names)
      if (!given[kind].has(name)) problems.add(`${where}: ${name} is not among the ${kind} given in code`);
  };
  const { routes, aggregates, dynamic, authenticationProviders } = config;
  const checkPolicy = (where: string, policy: RouteConfig | DynamicPolicy) => {
    const { balancer, authentication, delegatingHandlers } = policy;
    need(where, 'handlers', delegatingHandlers);
    if (balancer.type === 'Registered') need(where, 'balancers', [balancer.name]);
    const providers = authentication?.providers ?? [];
    need(
      where,
      'providers',
      providers.filter((name) => !authenticationProviders.has(name)),
    );
  };
  for (const route of routes) checkPolicy(route.name, route);
  for (const { name, aggregator } of aggregates)
    if (aggregator !== undefined) need(name, 'aggregators', [aggregator]);
  if (dynamic !== undefined)
    for (const [name, policy] of [['dynamic routes', dynamic.defaults] as const, ...dynamic.services])
      checkPolicy(name, policy);
  if (problems.size > 0) throw configInvalid([...problems]);
}
