import {
  type CheckFacts,
  type CheckRecord,
  fold,
  type NodeFacts,
  type NodeRecord,
  type ServiceDefinition,
  type ServiceRecord,
  type Status,
} from './records.ts';
import type { Topics } from './topics.ts';

/**
 * All nodes, services and checks. Pure state without timers. What queries can see bumps the index of their topics; what
 * changes nothing wakes nobody.
 */
export interface Catalog {
  nodes(): readonly NodeRecord[];
  node(name: string): NodeRecord | undefined;
  putNode(facts: NodeFacts): void;
  /** With its services and checks. */
  removeNode(name: string): boolean;
  service(node: string, id: string): ServiceRecord | undefined;
  servicesOn(node: string): readonly ServiceRecord[];
  instances(name: string): readonly ServiceRecord[];
  /** Every spelling of every name, each with all its tags. */
  names(): ReadonlyMap<string, ReadonlySet<string>>;
  putService(node: string, definition: ServiceDefinition): void;
  removeService(node: string, id: string): boolean;
  checks(): Iterable<CheckRecord>;
  checksOn(node: string): readonly CheckRecord[];
  /** Of the instance, then of its node: what its health is made of. */
  checksOf(instance: ServiceRecord): readonly CheckRecord[];
  check(node: string, serviceId: string, id: string): CheckRecord | undefined;
  putCheck(node: string, facts: CheckFacts, status: Status, output: string): void;
  removeCheck(node: string, serviceId: string, id: string): boolean;
}

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

interface NodeState {
  record: NodeRecord;
  readonly services: Map<string, ServiceRecord>;
  /**
   * By service and id, those of the node itself with an empty one: two services may give their checks the same id, so an
   * id alone names no check.
   */
  readonly checks: Map<string, Map<string, CheckRecord>>;
}

export function createCatalog(topics: Topics): Catalog {
  const nodes = new Map<string, NodeState>();
  const byName = new Map<string, Set<ServiceRecord>>();

  const stateOf = (node: string) => nodes.get(fold(node));

  function nodeOf(node: string): NodeState {
    const state = stateOf(node);
    if (state === undefined) throw new RangeError(`there is no node ${node}`);
    return state;
  }

  function store(state: NodeState, record: ServiceRecord): void {
    unlist(state, record.definition.id);
    state.services.set(record.definition.id, record);
    const name = fold(record.definition.name);
    byName.set(name, (byName.get(name) ?? new Set()).add(record));
  }

  function unlist(state: NodeState, id: string): ServiceRecord | undefined {
    const known = state.services.get(id);
    if (known === undefined) return undefined;
    state.services.delete(id);
    const name = fold(known.definition.name);
    const others = byName.get(name);
    others?.delete(known);
    if (others?.size === 0) byName.delete(name);
    return known;
  }

  function topicsOf(node: string, service: string): readonly string[] {
    return [topic.services, topic.node(node), topic.service(service), topic.health(service)];
  }

  /** A check of a node counts for every service on it. */
  function topicsOfCheck({ record, services }: NodeState, serviceId: string): readonly string[] {
    const common = [topic.states, topic.node(record.facts.name)];
    const own = services.get(serviceId)?.definition.name;
    if (own !== undefined) return [...common, topic.health(own), topic.checks(own)];
    if (serviceId !== '') return common;
    const names = new Set([...services.values()].map(({ definition }) => definition.name));
    return [...common, ...[...names].map(topic.health)];
  }

  function removeService(node: string, id: string): boolean {
    const state = stateOf(node);
    const known = state && unlist(state, id);
    if (state === undefined || known === undefined) return false;
    const { name } = known.definition;
    const hadChecks = state.checks.delete(id);
    topics.changed([...topicsOf(node, name), ...(hadChecks ? [topic.states, topic.checks(name)] : [])]);
    return true;
  }

  function putCheck(node: string, facts: CheckFacts, status: Status, output: string): void {
    const state = nodeOf(node);
    const checks = state.checks.get(facts.serviceId) ?? new Map<string, CheckRecord>();
    state.checks.set(facts.serviceId, checks);
    const known = checks.get(facts.id);
    const isSame = known?.status === status && JSON.stringify(known.facts) === JSON.stringify(facts);
    const modifyIndex = isSame ? known.modifyIndex : topics.changed(topicsOfCheck(state, facts.serviceId));
    const createIndex = known?.createIndex ?? modifyIndex;
    // An output alone wakes nobody.
    checks.set(facts.id, { node: state.record.facts.name, facts, status, output, createIndex, modifyIndex });
  }

  function checksFor(state: NodeState | undefined, serviceId: string): readonly CheckRecord[] {
    return [...(state?.checks.get(serviceId)?.values() ?? [])];
  }

  return {
    nodes: () => [...nodes.values()].map(({ record }) => record),
    node: (name) => stateOf(name)?.record,
    putNode: (facts) => {
      const known = stateOf(facts.name);
      if (known !== undefined && JSON.stringify(known.record.facts) === JSON.stringify(facts)) return;
      const services = [...(known?.services.values() ?? [])].map(({ definition }) => definition.name);
      const touched = new Set(services.flatMap((name) => [topic.service(name), topic.health(name)]));
      const index = topics.changed([topic.nodes, topic.node(facts.name), ...touched]);
      const record = { facts, createIndex: known?.record.createIndex ?? index, modifyIndex: index };
      if (known !== undefined) known.record = record;
      else nodes.set(fold(facts.name), { record, services: new Map(), checks: new Map() });
    },
    removeNode: (name) => {
      const state = stateOf(name);
      if (state === undefined) return false;
      for (const id of [...state.services.keys()]) removeService(name, id);
      nodes.delete(fold(name));
      topics.changed([topic.nodes, topic.node(name), topic.states]);
      return true;
    },
    service: (node, id) => stateOf(node)?.services.get(id),
    servicesOn: (node) => [...(stateOf(node)?.services.values() ?? [])],
    instances: (name) => [...(byName.get(fold(name)) ?? [])],
    names: () => {
      const names = new Map<string, Set<string>>();
      for (const instances of byName.values())
        for (const { definition } of instances) {
          const tags = names.get(definition.name) ?? new Set();
          names.set(definition.name, tags);
          for (const tag of definition.tags) tags.add(tag);
        }
      return names;
    },
    putService: (node, definition) => {
      const state = nodeOf(node);
      const known = state.services.get(definition.id);
      if (known !== undefined && JSON.stringify(known.definition) === JSON.stringify(definition)) return;
      const isRenamed = known !== undefined && fold(known.definition.name) !== fold(definition.name);
      const former = isRenamed ? topicsOf(node, known.definition.name) : [];
      const index = topics.changed([...topicsOf(node, definition.name), ...former]);
      const record = { node: state.record.facts.name, definition };
      store(state, { ...record, createIndex: known?.createIndex ?? index, modifyIndex: index });
    },
    removeService,
    checks: function* () {
      for (const { checks } of nodes.values()) for (const own of checks.values()) yield* own.values();
    },
    checksOn: (node) => [...(stateOf(node)?.checks.values() ?? [])].flatMap((own) => [...own.values()]),
    checksOf: ({ node, definition: { id } }) => {
      const state = stateOf(node);
      return [...checksFor(state, ''), ...checksFor(state, id)];
    },
    check: (node, serviceId, id) => stateOf(node)?.checks.get(serviceId)?.get(id),
    putCheck,
    removeCheck: (node, serviceId, id) => {
      const state = stateOf(node);
      const checks = state?.checks.get(serviceId);
      if (state === undefined || !checks?.delete(id)) return false;
      if (checks.size === 0) state.checks.delete(serviceId);
      topics.changed(topicsOfCheck(state, serviceId));
      return true;
    },
  };
}
