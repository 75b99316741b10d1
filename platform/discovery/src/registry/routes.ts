import type { Result } from '@flotilla/kernel';
import type { Caller } from './acl.ts';
import { type BlockingParameters, parseBlocking, type Waiters } from './blocking.ts';
import type { Catalog, Instance } from './catalog.ts';
import { healthEntry } from './consul-json.ts';
import { isStatus, parseServiceDefinition, type Status } from './service-definition.ts';

export interface RegistryRequest {
  /** What follows the route's path, decoded. */
  readonly argument: string;
  readonly query: URLSearchParams;
  /** Parsed JSON, `undefined` when the body is empty; the rejection is the parser's complaint. */
  readonly body: () => Result<unknown, string>;
  readonly signal: AbortSignal;
  readonly caller: Caller;
}

export interface RegistryAnswer {
  readonly status: number;
  readonly json?: unknown;
  /** Errors are plain text in Consul's API. */
  readonly text?: string;
  readonly index?: number;
}

export interface RegistryRoute {
  readonly method: 'GET' | 'PUT';
  /** Ends with `/` when an argument follows. */
  readonly path: string;
  answer(request: RegistryRequest): Promise<RegistryAnswer> | RegistryAnswer;
}

interface RouteDeps {
  readonly catalog: Catalog;
  readonly waiters: Waiters;
  readonly nowMs: () => number;
}

const OK: RegistryAnswer = { status: 200 };
const REPORTS: Readonly<Record<string, Status>> = { pass: 'passing', warn: 'warning', fail: 'critical' };

/** The part of Consul's HTTP API that is served, each answer as Consul gives it. */
export function registryRoutes(deps: RouteDeps): readonly RegistryRoute[] {
  return [...agentRoutes(deps), ...queryRoutes(deps)];
}

function agentRoutes({ catalog, nowMs }: RouteDeps): readonly RegistryRoute[] {
  function report({ argument, caller }: RegistryRequest, status: Status, output: string): RegistryAnswer {
    const [first, ...others] = catalog.withCheck(argument).map(({ definition }) => definition);
    if (first === undefined) return unknownCheck(argument);
    const own = [first, ...others].find(({ name }) => caller.mayWrite(name));
    if (own === undefined) return forbidden(caller, first.name);
    catalog.report(own.id, argument, status, output, nowMs());
    return OK;
  }
  return [
    {
      method: 'PUT',
      path: '/v1/agent/service/register',
      answer: ({ body, caller }) => {
        const json = body();
        if (!json.ok) return badRequest(`Request decode failed: ${json.rejection}`);
        const definition = parseServiceDefinition(json.value);
        if (!definition.ok) return badRequest(definition.rejection);
        // Whoever takes over an id takes the instance that has it out of its service.
        const replaced = catalog.instance(definition.value.id)?.definition.name ?? definition.value.name;
        for (const service of [definition.value.name, replaced])
          if (!caller.mayWrite(service)) return forbidden(caller, service);
        catalog.register(definition.value, nowMs());
        return OK;
      },
    },
    {
      method: 'PUT',
      path: '/v1/agent/service/deregister/',
      answer: ({ argument, caller }) => {
        const instance = catalog.instance(argument);
        if (instance === undefined) return unknownService(argument);
        const { name } = instance.definition;
        if (!caller.mayWrite(name)) return forbidden(caller, name);
        catalog.deregister(argument);
        return OK;
      },
    },
    ...Object.entries(REPORTS).map(
      ([verb, status]): RegistryRoute => ({
        method: 'PUT',
        path: `/v1/agent/check/${verb}/`,
        answer: (request) => report(request, status, request.query.get('note') ?? ''),
      }),
    ),
    {
      method: 'PUT',
      path: '/v1/agent/check/update/',
      answer: (request) => {
        const json = request.body();
        if (!json.ok) return badRequest(`Request decode failed: ${json.rejection}`);
        const { Status: status, Output: output } = Object(json.value) as {
          Status?: unknown;
          Output?: unknown;
        };
        if (!isStatus(status)) return badRequest(`Invalid check status: '${String(status ?? '')}'`);
        return report(request, status, String(output ?? ''));
      },
    },
  ];
}

function queryRoutes({ catalog, waiters }: RouteDeps): readonly RegistryRoute[] {
  async function blocking(
    { query, signal }: RegistryRequest,
    index: () => number,
    read: () => unknown,
  ): Promise<RegistryAnswer> {
    const parameters: Result<BlockingParameters, string> = parseBlocking(query);
    if (!parameters.ok) return badRequest(parameters.rejection);
    const { index: seen, waitMs } = parameters.value;
    if (seen > 0) await waiters.wait(() => index() > seen, waitMs, signal);
    return { status: 200, json: read(), index: index() };
  }

  return [
    {
      method: 'GET',
      path: '/v1/health/service/',
      answer: (request) => {
        const passing = parseFlag(request.query.get('passing'));
        if (passing === undefined) return badRequest('Invalid value for ?passing');
        const tags = request.query.getAll('tag');
        const wanted = (instance: Instance) =>
          tags.every((tag) => instance.definition.tags.includes(tag)) && (!passing || isPassing(instance));
        const service = request.argument;
        return blocking(
          request,
          () => catalog.index(service),
          () => catalog.instances(service).filter(wanted).map(healthEntry),
        );
      },
    },
    {
      method: 'GET',
      path: '/v1/catalog/services',
      answer: (request) =>
        blocking(
          request,
          () => catalog.index(),
          () =>
            Object.fromEntries([
              ['consul', []],
              ...[...catalog.services()].map(([name, tags]) => [name, [...tags]]),
            ]),
        ),
    },
    { method: 'GET', path: '/v1/status/leader', answer: () => ({ status: 200, json: '127.0.0.1:8300' }) },
  ];
}

function isPassing(instance: Instance): boolean {
  return [...instance.checks.values()].every((check) => check.status === 'passing');
}

/** A flag as Go reads it: absent is off, present without a value is on. */
function parseFlag(value: string | null): boolean | undefined {
  if (value === null) return false;
  if (['', '1', 't', 'T', 'true', 'TRUE', 'True'].includes(value)) return true;
  return ['0', 'f', 'F', 'false', 'FALSE', 'False'].includes(value) ? false : undefined;
}

function badRequest(text: string): RegistryAnswer {
  return { status: 400, text };
}

function forbidden(caller: Caller, service: string): RegistryAnswer {
  return { status: 403, text: caller.refusal(service) };
}

function unknownService(id: string): RegistryAnswer {
  const text = `Unknown service ID ${JSON.stringify(id)}. Ensure that the service ID is passed, not the service name.`;
  return { status: 404, text };
}

function unknownCheck(id: string): RegistryAnswer {
  const text = `Unknown check ID ${JSON.stringify(id)}. Ensure that the check ID is passed, not the check name.`;
  return { status: 404, text };
}
