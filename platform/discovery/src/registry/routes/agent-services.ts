import { createHash } from 'node:crypto';
import { decodeBody } from '../decode/decoder.ts';
import { readRegistration, serviceBody } from '../decode/service-body.ts';
import {
  expectMay,
  flagIn,
  OK,
  Refusal,
  type RegistryRequest,
  type RegistryResponse,
  type RegistryRoute,
} from '../http/exchange.ts';
import { checkCommon, filtered, parseBlocking } from '../http/query.ts';
import type { ServiceRecord } from '../state/records.ts';
import { topic } from '../state/topic.ts';
import type { RouteDeps } from './deps.ts';
import { agentServiceEntry, SAMPLES } from './entries.ts';

/** Services of this node: what they and their supervisors use. */
export function agentServiceRoutes(deps: RouteDeps): readonly RegistryRoute[] {
  const { agent } = deps;
  return [
    { method: 'PUT', path: '/v1/agent/service/register', respond: (request) => register(request, deps) },
    {
      method: 'PUT',
      path: '/v1/agent/service/deregister/',
      respond: ({ argument, caller, query }) => {
        checkCommon(query);
        const service = agent.service(argument);
        if (service === undefined) throw unknownService(argument);
        expectMay(caller, 'service', service.definition.name);
        agent.deregister(argument);
        return OK;
      },
    },
    {
      method: 'GET',
      path: '/v1/agent/services',
      respond: ({ query }) => {
        checkCommon(query);
        const services = agent.services().map(agentServiceEntry);
        const shown = filtered(query, SAMPLES.service, services) as readonly { readonly ID: string }[];
        return { status: 200, json: Object.fromEntries(shown.map((one) => [one.ID, one])) };
      },
    },
    { method: 'GET', path: '/v1/agent/service/', respond: (request) => showService(request, deps) },
    {
      method: 'PUT',
      path: '/v1/agent/service/maintenance/',
      respond: ({ argument, query, caller }) => {
        checkCommon(query);
        if (argument === '') throw new Refusal(400, 'Missing service ID');
        const isOn = readEnable(query);
        const service = agent.service(argument);
        if (service === undefined) throw unknownService(argument);
        expectMay(caller, 'service', service.definition.name);
        agent.setMaintenance(argument, isOn ? (query.get('reason') ?? '') : undefined);
        return OK;
      },
    },
    {
      method: 'PUT',
      path: '/v1/agent/maintenance',
      respond: ({ query, caller }) => {
        checkCommon(query);
        const isOn = readEnable(query);
        expectMay(caller, 'node', agent.node);
        agent.setMaintenance('', isOn ? (query.get('reason') ?? '') : undefined);
        return OK;
      },
    },
  ];
}

function register({ body, query, caller }: RegistryRequest, { agent }: RouteDeps): RegistryResponse {
  checkCommon(query);
  const fields = decodeBody(serviceBody, body);
  if (!fields.ok) throw new Refusal(400, `Request decode failed: ${fields.rejection}`);
  expectNoEnterprise(fields.value);
  const registration = readRegistration(fields.value);
  if (!registration.ok) throw new Refusal(400, registration.rejection);
  const { id, name } = registration.value.service;
  // Whoever takes over an id takes the instance that has it out of its service.
  const replaced = agent.service(id)?.definition.name ?? name;
  for (const service of [name, replaced]) expectMay(caller, 'service', service);
  agent.register(registration.value, { replacesChecks: flagIn(query, 'replace-existing-checks') });
  return OK;
}

export function expectNoEnterprise(fields: { readonly Namespace: string; readonly Partition: string }): void {
  if (fields.Namespace !== '' && fields.Namespace !== 'default')
    throw new Refusal(400, 'Invalid query parameter: "ns" - Namespaces are a Consul Enterprise feature');
  if (fields.Partition !== '' && fields.Partition !== 'default')
    throw new Refusal(
      400,
      'Invalid query parameter: "partition" - Partitions are a Consul Enterprise feature',
    );
}

/** Waits for the definition alone: its health is no part of the hash. An id that is unknown never waits. */
async function showService(
  { argument, query, signal }: RegistryRequest,
  { agent, topics, random }: RouteDeps,
): Promise<RegistryResponse> {
  checkCommon(query);
  const hash = query.get('hash') ?? '';
  const { waitMs } = parseBlocking(query);
  const endsAtMs = performance.now() + waitMs * (1 + random() / 16);
  for (;;) {
    const service = agent.service(argument);
    if (service === undefined) throw new Refusal(404, `unknown service ID: ${argument}`);
    const seen = topics.index([topic.service(service.definition.name)]);
    const leftMs = endsAtMs - performance.now();
    const contentHash = hashOf(service);
    if (hash !== contentHash || leftMs <= 0 || signal.aborted || topics.isReleased) {
      const json = { ...agentServiceEntry(service), ContentHash: contentHash };
      return { status: 200, json, headers: { 'x-consul-contenthash': contentHash } };
    }
    await topics.wait([topic.service(service.definition.name)], seen, leftMs, signal);
  }
}

function hashOf({ definition }: ServiceRecord): string {
  return createHash('sha256').update(JSON.stringify(definition)).digest('hex').slice(0, 16);
}

function readEnable(query: URLSearchParams): boolean {
  const value = query.get('enable');
  if (!value) throw new Refusal(400, 'Missing value for enable');
  try {
    return flagIn(query, 'enable');
  } catch {
    throw new Refusal(400, `Invalid value for enable: ${JSON.stringify(value)}`);
  }
}

export function unknownService(id: string): Refusal {
  const hint = 'Ensure that the service ID is passed, not the service name.';
  return new Refusal(404, `Unknown service ID ${JSON.stringify(id)}. ${hint}`);
}
