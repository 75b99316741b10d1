import {
  Refusal,
  type RegistryRequest,
  type RegistryResponse,
  type RegistryRoute,
} from '../http/exchange.ts';
import { checkCommon, DATACENTER } from '../http/query.ts';
import type { CheckRecord, ServiceRecord } from '../state/records.ts';
import type { RouteDeps } from './deps.ts';
import { agentServiceEntry, checkEntry } from './entries.ts';

type Health = 'passing' | 'warning' | 'critical' | 'maintenance';

const STATUS: Readonly<Record<Health, number>> = {
  passing: 200,
  warning: 429,
  critical: 503,
  maintenance: 503,
};
const ORDER: readonly Health[] = ['maintenance', 'critical', 'warning', 'passing'];

/** This node: how its services are, by status code, and who it is. */
export function agentHealthRoutes(deps: RouteDeps): readonly RegistryRoute[] {
  const { agent, catalog } = deps;
  return [
    {
      method: 'GET',
      path: '/v1/agent/health/service/id/',
      respond: (request) => {
        const service = agent.service(request.argument);
        return show(
          request,
          deps,
          service === undefined ? [] : [service],
          `ServiceId ${request.argument} not found`,
        );
      },
    },
    {
      method: 'GET',
      path: '/v1/agent/health/service/name/',
      respond: (request) => {
        const services = catalog
          .instances(request.argument)
          .filter(({ definition }) => agent.service(definition.id) !== undefined);
        return show(request, deps, services, `ServiceName ${request.argument} Not Found`, true);
      },
    },
    { method: 'GET', path: '/v1/agent/self', respond: ({ query }) => self(query, deps) },
    {
      method: 'GET',
      path: '/v1/agent/members',
      respond: ({ query }) => {
        checkCommon(query);
        return { status: 200, json: [member(deps)] };
      },
    },
  ];
}

function show(
  { query }: RegistryRequest,
  deps: RouteDeps,
  services: readonly ServiceRecord[],
  unknown: string,
  isList = false,
): RegistryResponse {
  checkCommon(query);
  const isText = query.get('format') === 'text';
  if (services.length === 0) {
    if (isText || !isList) throw new Refusal(404, unknown);
    return { status: 404, json: [], headers: { 'x-consul-reason': 'critical' } };
  }
  const shown = services.map((service) => {
    const checks = deps.catalog.checksOf(service).filter(({ facts }) => facts.id !== 'serfHealth');
    return {
      AggregatedStatus: healthOf(checks),
      Service: agentServiceEntry(service),
      Checks: checks.map((check) => checkEntry(deps.catalog, check)),
    };
  });
  const worst = ORDER.find((health) => shown.some((one) => one.AggregatedStatus === health)) ?? 'passing';
  const headers = { 'x-consul-reason': worst };
  if (isText) return { status: STATUS[worst], text: worst, headers };
  return { status: STATUS[worst], json: isList ? shown : shown[0], headers };
}

function healthOf(checks: readonly CheckRecord[]): Health {
  if (checks.some(({ facts }) => facts.type === 'maintenance')) return 'maintenance';
  return ORDER.find((health) => checks.some(({ status }) => status === health)) ?? 'passing';
}

function self(query: URLSearchParams, deps: RouteDeps): RegistryResponse {
  checkCommon(query);
  const node = deps.catalog.node(deps.agent.node)?.facts;
  const Config = {
    Datacenter: DATACENTER,
    PrimaryDatacenter: DATACENTER,
    NodeName: deps.agent.node,
    NodeID: node?.id ?? '',
    Server: true,
    Revision: 'flotilla',
    Version: '1.16.1', // the API that it speaks
  };
  return {
    status: 200,
    json: { Config, DebugConfig: {}, Member: member(deps), Stats: {}, Meta: node?.meta ?? {} },
  };
}

function member({ agent, catalog }: RouteDeps): object {
  return {
    Name: agent.node,
    Addr: catalog.node(agent.node)?.facts.address ?? '',
    Port: 0,
    Tags: { role: 'consul', dc: DATACENTER },
    Status: 1,
    ProtocolMin: 1,
    ProtocolMax: 5,
    ProtocolCur: 2,
    DelegateMin: 2,
    DelegateMax: 5,
    DelegateCur: 4,
  };
}
