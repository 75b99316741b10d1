export {
  type Balancer,
  type BalancerOptions,
  createBalancer,
  type PickOptions,
  type Strategy,
} from './balance/create-balancer.ts';
export type { CallOutcome, Load, TrackedLoad } from './balance/load.ts';
export type { PickedEndpoint } from './balance/pool.ts';
export { createRoundRobin } from './balance/round-robin.ts';
export type { SubsetOptions } from './balance/subset.ts';
export { consulUrl } from './consul/consul-address.ts';
export {
  type ConsulResolverOptions,
  type ConsulWatches,
  createConsulResolver,
  createConsulWatches,
} from './consul/consul-resolver.ts';
export { type RegisteredInstance, type RegisterOptions, register } from './consul/register.ts';
export type { ServiceWatch } from './consul/watch-service.ts';
export type { Endpoint, Resolver } from './endpoint.ts';
export type { DiscoveryErrorCode } from './errors.ts';
export {
  createKubernetesResolver,
  type KubernetesResolverOptions,
  readClusterAccess,
} from './kubernetes/kubernetes-resolver.ts';
export {
  createDnsResolver,
  type DnsRecord,
  type DnsResolverOptions,
  type DnsService,
} from './providers/dns-resolver.ts';
export {
  type KeptEndpointsOptions,
  type KeptResolver,
  type KeptService,
  keepEndpoints,
} from './providers/kept-endpoints.ts';
export { createStaticResolver } from './providers/static-resolver.ts';
