import type { NodeState } from './placement.ts';
import { fold } from './records.ts';

/** What queries may wait for. */
export const topic: {
  readonly [K in 'health' | 'checks' | 'service' | 'node']: (name: string) => string;
} & { readonly [K in 'services' | 'nodes' | 'states']: string } = {
  /** Instances of a service and their health. */
  health: (service: string) => `health/${fold(service)}`,
  checks: (service: string) => `checks/${fold(service)}`,
  /** Instances of a service, whatever their health. */
  service: (service: string) => `service/${fold(service)}`,
  /** A node with its services and checks. */
  node: (node: string) => `node/${fold(node)}`,
  services: 'services',
  nodes: 'nodes',
  states: 'states',
};

/** What an instance concerns. */
export function topicsOfService(node: string, service: string): readonly string[] {
  return [topic.services, topic.node(node), topic.service(service), topic.health(service)];
}

/** A check of a node counts for every service on it. */
export function topicsOfCheck({ record, services }: NodeState, serviceId: string): readonly string[] {
  const common = [topic.states, topic.node(record.facts.name)];
  const own = services.get(serviceId)?.definition.name;
  if (own !== undefined) return [...common, topic.health(own), topic.checks(own)];
  if (serviceId !== '') return common;
  const names = new Set([...services.values()].map(({ definition }) => definition.name));
  return [...common, ...[...names].map(topic.health)];
}
