import { flagIn, Refusal, type RegistryRequest, type RegistryRoute } from '../http/exchange.ts';
import { blocking, filtered, hasNodeMeta } from '../http/query.ts';
import { type CheckRecord, fold, isStatus, type ServiceRecord } from '../state/records.ts';
import { topic } from '../state/topic.ts';
import type { RouteDeps } from './deps.ts';
import { checkEntry, healthEntry, SAMPLES } from './entries.ts';

/** Instances and checks with their health, each question may wait for a change. */
export function healthRoutes(deps: RouteDeps): readonly RegistryRoute[] {
  const { catalog } = deps;

  function checks(request: RegistryRequest, topics: readonly string[], select: () => Iterable<CheckRecord>) {
    return blocking(request, topics, deps, () => ({
      json: filtered(
        request.query,
        SAMPLES.check,
        [...select()]
          .filter(({ node }) => hasNodeMeta(request.query, catalog.node(node)?.facts.meta ?? {}))
          .map((check) => checkEntry(catalog, check)),
      ),
    }));
  }

  return [
    {
      method: 'GET',
      path: '/v1/health/service/',
      respond: (request) => instances(request, deps, () => true),
    },
    {
      method: 'GET',
      path: '/v1/health/connect/',
      respond: (request) =>
        instances(request, deps, ({ definition }) => definition.connect['Native'] === true),
    },
    {
      method: 'GET',
      path: '/v1/health/checks/',
      respond: (request) => {
        const service = fold(required(request, 'Missing service name'));
        const isOwn = ({ node, facts }: CheckRecord) =>
          fold(catalog.service(node, facts.serviceId)?.definition.name ?? '') === service;
        return checks(request, [topic.checks(service)], () => [...catalog.checks()].filter(isOwn));
      },
    },
    {
      method: 'GET',
      path: '/v1/health/node/',
      respond: (request) => {
        const node = required(request, 'Missing node name');
        return checks(request, [topic.node(node)], () => catalog.checksOn(node));
      },
    },
    {
      method: 'GET',
      path: '/v1/health/state/',
      respond: (request) => {
        const state = required(request, 'Missing check state');
        if (state !== 'any' && !isStatus(state)) throw new Refusal(400, `Invalid check state: ${state}`);
        const isWanted = ({ status }: CheckRecord) => state === 'any' || status === state;
        return checks(request, [topic.states], () => [...catalog.checks()].filter(isWanted));
      },
    },
  ];
}

/** What the query hides wakes, too: tags, `passing` and the filter are applied to what is read afterwards. */
function instances(request: RegistryRequest, deps: RouteDeps, isOfKind: (record: ServiceRecord) => boolean) {
  const { catalog, topics } = deps;
  const { query } = request;
  const service = required(request, 'Missing service name');
  const topicsOf = [topic.health(service)];
  const isPassing = flagIn(query, 'passing', topics.index(topicsOf));
  const tags = query
    .getAll('tag')
    .filter((tag) => tag !== '')
    .map(fold);
  const isWanted = (record: ServiceRecord) =>
    isOfKind(record) &&
    hasTags(record, tags) &&
    hasNodeMeta(query, catalog.node(record.node)?.facts.meta ?? {}) &&
    (!isPassing || catalog.checksOf(record).every(({ status }) => status === 'passing'));
  return blocking(request, topicsOf, deps, () => ({
    json: filtered(
      query,
      SAMPLES.health,
      catalog
        .instances(service)
        .filter(isWanted)
        .map((record) => healthEntry(catalog, record)),
    ),
  }));
}

export function hasTags({ definition }: ServiceRecord, tags: readonly string[]): boolean {
  return tags.every((tag) => definition.tags.some((own) => fold(own) === tag));
}

export function required({ argument }: RegistryRequest, text: string): string {
  if (argument === '') throw new Refusal(400, text);
  return argument;
}
