import { decodeBody, integer, list, map, object, optional, text } from '../decode/decoder.ts';
import { catalogServiceBody, readCatalogService } from '../decode/service-body.ts';
import {
  expectMay,
  Refusal,
  type RegistryRequest,
  type RegistryResponse,
  type RegistryRoute,
} from '../http/exchange.ts';
import { checkCommon } from '../http/query.ts';
import { isStatus } from '../state/records.ts';
import type { RouteDeps } from './deps.ts';

const checkFields = object(
  {
    Node: text,
    CheckID: text,
    Name: text,
    Status: text,
    Notes: text,
    Output: text,
    ServiceID: text,
    Type: text,
  },
  { mayHaveMore: true },
);
const registerBody = object({
  ID: text,
  Node: text,
  Address: text,
  Datacenter: text,
  TaggedAddresses: map(text),
  NodeMeta: map(text),
  Service: optional(catalogServiceBody),
  Check: optional(checkFields),
  Checks: list(checkFields),
  SkipNodeUpdate: (value) => value === true,
  WriteRequest: (value) => value,
  RaftIndex: (value) => value,
  CreateIndex: integer,
  ModifyIndex: integer,
});
const deregisterBody = object(
  { Node: text, Datacenter: text, ServiceID: text, CheckID: text, Address: text },
  { mayHaveMore: true },
);

/** Nodes that run no agent: what somebody else watches over. */
export function catalogWriteRoutes(deps: RouteDeps): readonly RegistryRoute[] {
  return [
    { method: 'PUT', path: '/v1/catalog/register', respond: (request) => register(request, deps) },
    { method: 'PUT', path: '/v1/catalog/deregister', respond: (request) => deregister(request, deps) },
  ];
}

function register({ body, query, caller }: RegistryRequest, deps: RouteDeps): RegistryResponse {
  checkCommon(query);
  const read = decodeBody(registerBody, body);
  if (!read.ok) throw new Refusal(400, `Request decode failed: ${read.rejection}`);
  const { Node: name, Address: address, Datacenter, Service, Check, Checks, SkipNodeUpdate } = read.value;
  if (name === '' || (address === '' && !SkipNodeUpdate))
    throw new Refusal(400, 'Must provide node and address');
  checkCommon(new URLSearchParams({ dc: Datacenter }));
  expectMay(caller, 'node', name);
  const service = Service && readCatalogService(Service);
  if (service?.ok === false) throw new Refusal(400, service.rejection);
  if (service) expectMay(caller, 'service', service.value.name);
  const checks = Check === undefined ? Checks : [Check, ...Checks];
  const records = checks.map((check) => readCheckRecord(check, name, service?.value.id, deps));
  if (!SkipNodeUpdate || deps.catalog.node(name) === undefined) putNode(read.value, deps);
  if (service) deps.catalog.putService(name, service.value);
  for (const { facts, status, output } of records) deps.catalog.putCheck(name, facts, status, output);
  return { status: 200, json: true };
}

function putNode(node: ReturnType<typeof registerBody>, { catalog }: RouteDeps): void {
  const { Node: name, Address: address, TaggedAddresses: taggedAddresses, NodeMeta: meta } = node;
  catalog.putNode({
    id: node.ID || (catalog.node(name)?.facts.id ?? ''),
    name,
    address,
    taggedAddresses,
    meta,
  });
}

function readCheckRecord(
  check: ReturnType<typeof checkFields>,
  node: string,
  registered: string | undefined,
  { catalog }: RouteDeps,
) {
  const status = check.Status || 'critical';
  if (!isStatus(status)) throw new Refusal(400, `Invalid check status: '${status}'`);
  const { Name: name, Notes: notes, Type: type, ServiceID: serviceId, Output: output } = check;
  const id = check.CheckID || name;
  if (serviceId !== '' && serviceId !== registered && catalog.service(node, serviceId) === undefined)
    throw new Refusal(500, `Missing service registration for check ${JSON.stringify(id)}`);
  return { facts: { id, name, notes, type, interval: '', timeout: '', serviceId }, status, output };
}

function deregister(
  { body, query, caller }: RegistryRequest,
  { catalog, agent }: RouteDeps,
): RegistryResponse {
  checkCommon(query);
  const read = decodeBody(deregisterBody, body);
  if (!read.ok) throw new Refusal(400, `Request decode failed: ${read.rejection}`);
  const { Node: node, ServiceID: serviceId, CheckID: checkId } = read.value;
  if (node === '') throw new Refusal(400, 'Must provide node');
  expectMay(caller, 'node', node);
  const isOwn = node.toLowerCase() === agent.node;
  if (serviceId !== '' && isOwn) agent.deregister(serviceId);
  else if (serviceId !== '') catalog.removeService(node, serviceId);
  else if (checkId !== '') removeChecks(catalog, node, checkId);
  else if (isOwn) throw new Refusal(400, 'This node is the registry itself: it cannot be deregistered');
  else catalog.removeNode(node);
  return { status: 200, json: true };
}

function removeChecks(catalog: RouteDeps['catalog'], node: string, id: string): void {
  for (const { facts } of catalog.checksOn(node))
    if (facts.id === id) catalog.removeCheck(node, facts.serviceId, id);
}
