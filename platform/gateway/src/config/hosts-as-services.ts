import type { GatewayConfig } from '../model.ts';
import type { DownstreamTarget } from '../policies/target/config.ts';

/**
 * Lets a registry stand in for the DNS that a configuration was written for: a route whose hosts all are names of one service gets the
 * instances of that service, wherever they listen. Other routes stay as they are.
 */
export function hostsAsServices(
  config: GatewayConfig,
  serviceOf: (host: string) => string | undefined,
): GatewayConfig {
  return {
    ...config,
    routes: config.routes.map((route) => ({ ...route, target: targetOf(route.target, serviceOf) })),
  };
}

function targetOf(
  target: DownstreamTarget,
  serviceOf: (host: string) => string | undefined,
): DownstreamTarget {
  if (target.kind !== 'hosts') return target;
  const services = new Set(target.hosts.map(({ host }) => serviceOf(host)));
  const [service] = services;
  return services.size === 1 && service !== undefined
    ? { kind: 'service', service, namespace: undefined }
    : target;
}
