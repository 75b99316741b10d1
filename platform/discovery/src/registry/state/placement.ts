import { type CheckRecord, fold, type NodeRecord, type ServiceRecord } from './records.ts';

/** A node with what is on it. */
export interface NodeState {
  record: NodeRecord;
  readonly services: Map<string, ServiceRecord>;
  /**
   * By service and id, those of the node itself with an empty one: two services may give their checks the same id, so an
   * id alone names no check.
   */
  readonly checks: Map<string, Map<string, CheckRecord>>;
}

/** Which services are where: by node, and by name over all nodes. */
export interface Placement {
  readonly nodes: Map<string, NodeState>;
  stateOf(node: string): NodeState | undefined;
  /** Throws when there is no such node. */
  nodeOf(node: string): NodeState;
  instances(name: string): readonly ServiceRecord[];
  byName(): Iterable<ReadonlySet<ServiceRecord>>;
  /** In place of the one with this id on its node. */
  put(state: NodeState, record: ServiceRecord): void;
  remove(state: NodeState, id: string): ServiceRecord | undefined;
}

export function createPlacement(): Placement {
  const nodes = new Map<string, NodeState>();
  const byName = new Map<string, Set<ServiceRecord>>();

  const stateOf = (node: string) => nodes.get(fold(node));

  function remove(state: NodeState, id: string): ServiceRecord | undefined {
    const known = state.services.get(id);
    if (known === undefined) return undefined;
    state.services.delete(id);
    const name = fold(known.definition.name);
    const others = byName.get(name);
    others?.delete(known);
    if (others?.size === 0) byName.delete(name);
    return known;
  }

  return {
    nodes,
    stateOf,
    nodeOf: (node) => {
      const state = stateOf(node);
      if (state === undefined) throw new RangeError(`there is no node ${node}`);
      return state;
    },
    instances: (name) => [...(byName.get(fold(name)) ?? [])],
    byName: () => byName.values(),
    put: (state, record) => {
      remove(state, record.definition.id);
      state.services.set(record.definition.id, record);
      const name = fold(record.definition.name);
      byName.set(name, (byName.get(name) ?? new Set()).add(record));
    },
    remove,
  };
}
