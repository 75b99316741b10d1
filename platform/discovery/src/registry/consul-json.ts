import type { Check, Instance } from './catalog.ts';

// Node.Node must be a name that can be connected to: Ocelot takes it for the host.
const NODE = {
  ID: '00000000-0000-0000-0000-000000000001',
  Node: 'localhost',
  Address: '127.0.0.1',
  Datacenter: 'dc1',
  TaggedAddresses: { lan: '127.0.0.1', wan: '127.0.0.1' },
  Meta: {},
};

/** One entry of `GET /v1/health/service/:name`. */
export function healthEntry(instance: Instance): object {
  const { definition, createIndex, modifyIndex } = instance;
  return {
    Node: NODE,
    Service: {
      ID: definition.id,
      Service: definition.name,
      Tags: definition.tags,
      Address: definition.address,
      Meta: definition.meta,
      Port: definition.port,
      Weights: definition.weights,
      EnableTagOverride: definition.enableTagOverride,
      CreateIndex: createIndex,
      ModifyIndex: modifyIndex,
    },
    Checks: [
      nodeCheck(instance),
      ...[...instance.checks.values()].map((check) => checkEntry(instance, check)),
    ],
  };
}

function nodeCheck(instance: Instance): object {
  return {
    Node: NODE.Node,
    CheckID: 'serfHealth',
    Name: 'Serf Health Status',
    Status: 'passing',
    Notes: '',
    Output: 'Agent alive and reachable',
    ServiceID: '',
    ServiceName: '',
    ServiceTags: [],
    Type: '',
    Interval: '',
    Timeout: '',
    ExposedPort: 0,
    Definition: {},
    CreateIndex: instance.createIndex,
    ModifyIndex: instance.createIndex,
  };
}

function checkEntry({ definition: service }: Instance, check: Check): object {
  return {
    Node: NODE.Node,
    CheckID: check.definition.id,
    Name: check.definition.name,
    Status: check.status,
    Notes: check.definition.notes,
    Output: check.output,
    ServiceID: service.id,
    ServiceName: service.name,
    ServiceTags: service.tags,
    Type: 'ttl',
    Interval: '',
    Timeout: '',
    ExposedPort: 0,
    Definition: {},
    CreateIndex: check.createIndex,
    ModifyIndex: check.modifyIndex,
  };
}
