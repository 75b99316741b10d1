import type { Sample } from '../filter/compile-filter.ts';
import { DATACENTER } from '../http/query.ts';
import type { Catalog } from '../state/catalog.ts';
import type { CheckRecord, NodeRecord, ServiceDefinition, ServiceRecord } from '../state/records.ts';

/** The entries of responses, as Consul writes them. */
export function nodeEntry({ facts, createIndex, modifyIndex }: NodeRecord): object {
  return {
    ID: facts.id,
    Node: facts.name,
    Address: facts.address,
    Datacenter: DATACENTER,
    TaggedAddresses: facts.taggedAddresses,
    Meta: facts.meta,
    CreateIndex: createIndex,
    ModifyIndex: modifyIndex,
  };
}

/** As the health and node endpoints show a service. */
export function serviceEntry({ definition, createIndex, modifyIndex }: ServiceRecord): object {
  return {
    ...(definition.kind !== '' && { Kind: definition.kind }),
    ...common(definition),
    Proxy: definition.proxy,
    Connect: definition.connect,
    CreateIndex: createIndex,
    ModifyIndex: modifyIndex,
  };
}

/** As the agent shows a service of its own. */
export function agentServiceEntry({ definition }: ServiceRecord): object {
  const hasProxy = Object.keys(definition.proxy).length > 0;
  return {
    ...(definition.kind !== '' && { Kind: definition.kind }),
    ...common(definition),
    ...(hasProxy && { Proxy: definition.proxy }),
    Datacenter: DATACENTER,
  };
}

function common(definition: ServiceDefinition): object {
  return {
    ID: definition.id,
    Service: definition.name,
    Tags: definition.tags,
    Address: definition.address,
    TaggedAddresses: definition.taggedAddresses,
    Meta: definition.meta,
    Port: definition.port,
    ...(definition.socketPath !== '' && { SocketPath: definition.socketPath }),
    ...(definition.locality && { Locality: definition.locality }),
    Weights: definition.weights,
    EnableTagOverride: definition.enableTagOverride,
  };
}

export function catalogServiceEntry(catalog: Catalog, record: ServiceRecord): object {
  const { definition, createIndex, modifyIndex } = record;
  const node = catalog.node(record.node)?.facts;
  return {
    ID: node?.id ?? '',
    Node: record.node,
    Address: node?.address ?? '',
    Datacenter: DATACENTER,
    TaggedAddresses: node?.taggedAddresses ?? {},
    NodeMeta: node?.meta ?? {},
    ServiceKind: definition.kind,
    ServiceID: definition.id,
    ServiceName: definition.name,
    ServiceTags: definition.tags,
    ServiceAddress: definition.address,
    ServiceTaggedAddresses: definition.taggedAddresses,
    ServiceWeights: definition.weights,
    ServiceMeta: definition.meta,
    ServicePort: definition.port,
    ServiceSocketPath: definition.socketPath,
    ServiceEnableTagOverride: definition.enableTagOverride,
    ServiceProxy: definition.proxy,
    ServiceConnect: definition.connect,
    ServiceLocality: definition.locality ?? null,
    CreateIndex: createIndex,
    ModifyIndex: modifyIndex,
  };
}

export function checkEntry(catalog: Catalog, check: CheckRecord): object {
  const { facts, node } = check;
  const service = catalog.service(node, facts.serviceId)?.definition;
  return {
    Node: node,
    CheckID: facts.id,
    Name: facts.name,
    Status: check.status,
    Notes: facts.notes,
    Output: check.output,
    ServiceID: facts.serviceId,
    ServiceName: service?.name ?? '',
    ServiceTags: service?.tags ?? [],
    Type: facts.type,
    Interval: facts.interval,
    Timeout: facts.timeout,
    ExposedPort: 0,
    Definition: {},
    CreateIndex: check.createIndex,
    ModifyIndex: check.modifyIndex,
  };
}

export function healthEntry(catalog: Catalog, record: ServiceRecord): object {
  const node = catalog.node(record.node);
  return {
    Node: node === undefined ? null : nodeEntry(node),
    Service: serviceEntry(record),
    Checks: catalog.checksOf(record).map((check) => checkEntry(catalog, check)),
  };
}

const TEXTS: Sample = { '*': '' };
const ADDRESSES: Sample = { '*': { Address: '', Port: 0 } };

const NODE_FIELDS = {
  ID: '',
  Node: '',
  Address: '',
  Datacenter: '',
  TaggedAddresses: TEXTS,
  Meta: TEXTS,
} satisfies Sample;

const SERVICE_FIELDS = {
  Kind: '',
  ID: '',
  Service: '',
  Tags: [''],
  Address: '',
  TaggedAddresses: ADDRESSES,
  Meta: TEXTS,
  Port: 0,
  SocketPath: '',
  Weights: { Passing: 0, Warning: 0 },
  EnableTagOverride: false,
  Proxy: { '*': '' },
  Connect: { Native: false },
} satisfies Sample;

const CHECK_FIELDS = {
  Node: '',
  CheckID: '',
  Name: '',
  Status: '',
  Notes: '',
  Output: '',
  ServiceID: '',
  ServiceName: '',
  ServiceTags: [''],
  Type: '',
  Interval: '',
  Timeout: '',
} satisfies Sample;

/** What filters may select. */
export const SAMPLES: Readonly<Record<'node' | 'service' | 'check' | 'health' | 'catalogService', Sample>> = {
  node: NODE_FIELDS,
  service: SERVICE_FIELDS,
  check: CHECK_FIELDS,
  health: { Node: NODE_FIELDS, Service: SERVICE_FIELDS, Checks: [CHECK_FIELDS] },
  catalogService: {
    ID: '',
    Node: '',
    Address: '',
    Datacenter: '',
    TaggedAddresses: TEXTS,
    NodeMeta: TEXTS,
    ServiceKind: '',
    ServiceID: '',
    ServiceName: '',
    ServiceTags: [''],
    ServiceAddress: '',
    ServiceTaggedAddresses: ADDRESSES,
    ServiceWeights: { Passing: 0, Warning: 0 },
    ServiceMeta: TEXTS,
    ServicePort: 0,
    ServiceEnableTagOverride: false,
  },
};
