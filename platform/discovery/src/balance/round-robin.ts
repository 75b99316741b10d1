import type { Resolver } from '../endpoint.ts';
import { type Balancer, createBalancer } from './create-balancer.ts';

/** Takes the healthy instances of a service in turn. */
export function createRoundRobin(resolver: Resolver): Balancer {
  return createBalancer(resolver, { strategy: 'round-robin' });
}
