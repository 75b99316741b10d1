import { createPlacement, type NodeState, type Placement } from './placement.ts';
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
import { topic, topicsOfCheck, topicsOfService } from './topic.ts';
import type { Topics } from './topics.ts';

/**
 * All nodes, services and checks. Pure state without timers. What queries can see bumps the index of their topics; what
 * changes nothing wakes nobody.
 */
export interface Catalog extends Nodes, Services, Checks {}

interface Nodes {
  nodes(): readonly NodeRecord[];
  node(name: string): NodeRecord | undefined;
  putNode(facts: NodeFacts): void;
  /** With its services and checks. */
  removeNode(name: string): boolean;
}

interface Services {
  service(node: string, id: string): ServiceRecord | undefined;
  servicesOn(node: string): readonly ServiceRecord[];
  instances(name: string): readonly ServiceRecord[];
  /** Every spelling of every name, each with all its tags. */
  names(): ReadonlyMap<string, ReadonlySet<string>>;
  putService(node: string, definition: ServiceDefinition): void;
  removeService(node: string, id: string): boolean;
}

interface Checks {
  checks(): Iterable<CheckRecord>;
  checksOn(node: string): readonly CheckRecord[];
  /** Of the instance, then of its node: what its health is made of. */
  checksOf(instance: ServiceRecord): readonly CheckRecord[];
  check(node: string, serviceId: string, id: string): CheckRecord | undefined;
  putCheck(node: string, facts: CheckFacts, status: Status, output: string): void;
  removeCheck(node: string, serviceId: string, id: string): boolean;
}

export function createCatalog(topics: Topics): Catalog {
  const placement = createPlacement();
  const services = servicesOf(placement, topics);
  return { ...nodesOf(placement, topics, services), ...services, ...checksOf(placement, topics) };
}

function nodesOf({ nodes, stateOf }: Placement, topics: Topics, services: Services): Nodes {
  return {
    nodes: () => [...nodes.values()].map(({ record }) => record),
    node: (name) => stateOf(name)?.record,
    putNode: (facts) => {
      const known = stateOf(facts.name);
      if (known !== undefined && isSame(known.record.facts, facts)) return;
      const names = [...(known?.services.values() ?? [])].map(({ definition }) => definition.name);
      const touched = new Set(names.flatMap((name) => [topic.service(name), topic.health(name)]));
      const index = topics.changed([topic.nodes, topic.node(facts.name), ...touched]);
      const record = { facts, createIndex: known?.record.createIndex ?? index, modifyIndex: index };
      if (known !== undefined) known.record = record;
      else nodes.set(fold(facts.name), { record, services: new Map(), checks: new Map() });
    },
    removeNode: (name) => {
      const state = stateOf(name);
      if (state === undefined) return false;
      for (const id of [...state.services.keys()]) services.removeService(name, id);
      nodes.delete(fold(name));
      topics.changed([topic.nodes, topic.node(name), topic.states]);
      return true;
    },
  };
}

function servicesOf(placement: Placement, topics: Topics): Services {
  const { stateOf, nodeOf } = placement;
  return {
    service: (node, id) => stateOf(node)?.services.get(id),
    servicesOn: (node) => [...(stateOf(node)?.services.values() ?? [])],
    instances: placement.instances,
    names: () => {
      const names = new Map<string, Set<string>>();
      for (const instances of placement.byName())
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
      if (known !== undefined && isSame(known.definition, definition)) return;
      const isRenamed = known !== undefined && fold(known.definition.name) !== fold(definition.name);
      const former = isRenamed ? topicsOfService(node, known.definition.name) : [];
      const index = topics.changed([...topicsOfService(node, definition.name), ...former]);
      const record = { node: state.record.facts.name, definition };
      placement.put(state, { ...record, createIndex: known?.createIndex ?? index, modifyIndex: index });
    },
    removeService: (node, id) => {
      const state = stateOf(node);
      const known = state && placement.remove(state, id);
      if (state === undefined || known === undefined) return false;
      const { name } = known.definition;
      const ofChecks = state.checks.delete(id) ? [topic.states, topic.checks(name)] : [];
      topics.changed([...topicsOfService(node, name), ...ofChecks]);
      return true;
    },
  };
}

function checksOf({ nodes, stateOf, nodeOf }: Placement, topics: Topics): Checks {
  const checksFor = (state: NodeState | undefined, serviceId: string): readonly CheckRecord[] => [
    ...(state?.checks.get(serviceId)?.values() ?? []),
  ];
  return {
    checks: function* () {
      for (const { checks } of nodes.values()) for (const own of checks.values()) yield* own.values();
    },
    checksOn: (node) => [...(stateOf(node)?.checks.values() ?? [])].flatMap((own) => [...own.values()]),
    checksOf: ({ node, definition: { id } }) => {
      const state = stateOf(node);
      return [...checksFor(state, ''), ...checksFor(state, id)];
    },
    check: (node, serviceId, id) => stateOf(node)?.checks.get(serviceId)?.get(id),
    putCheck: (node, facts, status, output) => {
      const state = nodeOf(node);
      const checks = state.checks.get(facts.serviceId) ?? new Map<string, CheckRecord>();
      state.checks.set(facts.serviceId, checks);
      const known = checks.get(facts.id);
      const isKnown = known?.status === status && isSame(known.facts, facts);
      const modifyIndex = isKnown ? known.modifyIndex : topics.changed(topicsOfCheck(state, facts.serviceId));
      const createIndex = known?.createIndex ?? modifyIndex;
      // An output alone wakes nobody.
      checks.set(facts.id, {
        node: state.record.facts.name,
        facts,
        status,
        output,
        createIndex,
        modifyIndex,
      });
    },
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

function isSame(one: object, other: object): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
