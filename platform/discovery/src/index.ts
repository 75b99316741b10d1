export { type ConsulResolverOptions, createConsulResolver } from './consul-resolver.ts';
export type { Endpoint, Resolver } from './endpoint.ts';
export type { DiscoveryErrorCode } from './errors.ts';
export { type RegisteredInstance, type RegisterOptions, register } from './register.ts';
export { type Balancer, createRoundRobin, type PickOptions } from './round-robin.ts';
export { createStaticResolver } from './static-resolver.ts';
