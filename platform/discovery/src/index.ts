export { type Balancer, createRoundRobin, type PickOptions } from './balance/round-robin.ts';
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
export { createStaticResolver } from './providers/static-resolver.ts';
