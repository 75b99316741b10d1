import type { RegistryRequest, RegistryRoute } from '../http/exchange.ts';
import { blocking, checkCommon, DATACENTER, filtered, hasNodeMeta } from '../http/query.ts';
import { fold, type NodeRecord, type ServiceRecord } from '../state/records.ts';
import { topic } from '../state/topic.ts';
import type { RouteDeps } from './deps.ts';
import { catalogServiceEntry, nodeEntry, SAMPLES, serviceEntry } from './entries.ts';
import { hasTags, required } from './health.ts';

/** What is registered, whatever its health. */
export function catalogRoutes(deps: RouteDeps): readonly RegistryRoute[] {
  const { catalog } = deps;
  return [
    { method: 'GET', path: '/v1/catalog/services', respond: (request) => names(request, deps) },
    {
      method: 'GET',
      path: '/v1/catalog/service/',
      respond: (request) => instances(request, deps, () => true),
    },
    {
      method: 'GET',
      path: '/v1/catalog/connect/',
      respond: (request) =>
        instances(request, deps, ({ definition }) => definition.connect['Native'] === true),
    },
    {
      method: 'GET',
      path: '/v1/catalog/nodes',
      respond: (request) =>
        blocking(request, [topic.nodes], deps, () => ({
          json: filtered(
            request.query,
            SAMPLES.node,
            catalog
              .nodes()
              .filter(({ facts }) => hasNodeMeta(request.query, facts.meta))
              .map(nodeEntry),
          ),
        })),
    },
    {
      method: 'GET',
      path: '/v1/catalog/node/',
      respond: (request) =>
        onNode(request, deps, (node, services) =>
          node === undefined
            ? null
            : {
                Node: nodeEntry(node),
                Services: Object.fromEntries(services.map((one) => [(one as { ID: string }).ID, one])),
              },
        ),
    },
    {
      method: 'GET',
      path: '/v1/catalog/node-services/',
      respond: (request) =>
        onNode(request, deps, (node, services) =>
          node === undefined ? { Node: null, Services: null } : { Node: nodeEntry(node), Services: services },
        ),
    },
    {
      method: 'GET',
      path: '/v1/catalog/datacenters',
      respond: ({ query }) => {
        checkCommon(query);
        return { status: 200, json: [DATACENTER] };
      },
    },
  ];
}

function names(request: RegistryRequest, deps: RouteDeps) {
  const { query } = request;
  return blocking(request, [topic.services], deps, () => {
    if (!query.has('node-meta') && !query.get('filter')) {
      const all = [...deps.catalog.names()].map(([name, tags]) => [name, [...tags]] as const);
      return { json: Object.fromEntries(all) };
    }
    const entries = [...deps.catalog.names().keys()]
      .flatMap((name) => deps.catalog.instances(name))
      .filter(({ node }) => hasNodeMeta(query, deps.catalog.node(node)?.facts.meta ?? {}))
      .map((record) => catalogServiceEntry(deps.catalog, record)) as readonly NamedEntry[];
    const tags = new Map<string, Set<string>>();
    for (const { ServiceName, ServiceTags } of filtered(query, SAMPLES.catalogService, entries))
      tags.set(ServiceName, new Set([...(tags.get(ServiceName) ?? []), ...ServiceTags]));
    return { json: Object.fromEntries([...tags].map(([name, all]) => [name, [...all]])) };
  });
}

interface NamedEntry {
  readonly ServiceName: string;
  readonly ServiceTags: readonly string[];
}

function instances(request: RegistryRequest, deps: RouteDeps, isOfKind: (record: ServiceRecord) => boolean) {
  const { query } = request;
  const service = required(request, 'Missing service name');
  const tags = query
    .getAll('tag')
    .filter((tag) => tag !== '')
    .map(fold);
  const isWanted = (record: ServiceRecord) =>
    isOfKind(record) &&
    hasTags(record, tags) &&
    hasNodeMeta(query, deps.catalog.node(record.node)?.facts.meta ?? {});
  return blocking(request, [topic.service(service)], deps, () => ({
    json: filtered(
      query,
      SAMPLES.catalogService,
      deps.catalog
        .instances(service)
        .filter(isWanted)
        .map((record) => catalogServiceEntry(deps.catalog, record)),
    ),
  }));
}

function onNode(
  request: RegistryRequest,
  deps: RouteDeps,
  show: (node: NodeRecord | undefined, services: readonly object[]) => unknown,
) {
  const name = required(request, 'Missing node name');
  return blocking(request, [topic.node(name)], deps, () => {
    const services = deps.catalog.servicesOn(name).map(serviceEntry);
    return { json: show(deps.catalog.node(name), filtered(request.query, SAMPLES.service, services)) };
  });
}
