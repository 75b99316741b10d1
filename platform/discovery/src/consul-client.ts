import type { Endpoint } from './endpoint.ts';

/** What the platform uses of Consul's HTTP API. Every call has a deadline; failures are thrown as they come. */
export interface ConsulClient {
  /** Healthy instances; with `index` the answer waits up to `waitSeconds` for a change. */
  healthy(service: string, query: BlockingQuery): Promise<HealthAnswer>;
  register(registration: Registration): Promise<void>;
  /** `false` when the registry does not know the check. */
  passCheck(checkId: string): Promise<boolean>;
  deregister(id: string): Promise<void>;
}

interface BlockingQuery {
  readonly index: number;
  readonly waitSeconds: number;
  readonly signal: AbortSignal;
}

interface HealthAnswer {
  readonly endpoints: readonly Endpoint[];
  readonly index: number;
}

export interface Registration {
  readonly id: string;
  readonly service: string;
  readonly host: string;
  readonly port: number;
  readonly grpcPort?: number;
  readonly ttlSeconds: number;
}

const CALL_TIMEOUT_MS = 2_000;
// A real Consul adds up to a sixteenth to the asked wait, and the answer has to travel.
const waitDeadlineMs = (waitSeconds: number) => waitSeconds * 1000 * (17 / 16) + CALL_TIMEOUT_MS;

export interface ConsulAddress {
  /** Base of the HTTP API, for example `http://127.0.0.1:8500`. */
  readonly url: string;
  /** For a registry with access control: `CONSUL_HTTP_TOKEN` for Consul's own clients. */
  readonly token?: string;
}

/** The registry does not let the bearer of this token do it: trying again is of no use. */
export class RegistryRefusal extends Error {}

export function createConsulClient({ url, token }: ConsulAddress): ConsulClient {
  const base = new URL('/v1/', url);
  const credentials: Readonly<Record<string, string>> = token ? { 'x-consul-token': token } : {};

  async function put(path: string, body?: unknown): Promise<Response> {
    return fetch(new URL(path, base), {
      method: 'PUT',
      redirect: 'error',
      signal: AbortSignal.timeout(CALL_TIMEOUT_MS),
      headers: { ...credentials, ...(body !== undefined && { 'content-type': 'application/json' }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
  }

  return {
    healthy: async (service, { index, waitSeconds, signal }) => {
      const target = new URL(`health/service/${encodeURIComponent(service)}?passing=true`, base);
      if (index > 0) {
        target.searchParams.set('index', String(index));
        target.searchParams.set('wait', `${waitSeconds}s`);
      }
      const deadline = AbortSignal.timeout(waitDeadlineMs(waitSeconds));
      const response = await fetch(target, {
        redirect: 'error',
        headers: credentials,
        signal: AbortSignal.any([signal, deadline]),
      });
      const answered = Number(response.headers.get('x-consul-index'));
      if (!response.ok || !(answered > 0)) return fail(response);
      return { endpoints: parseEntries(service, await response.json()), index: answered };
    },
    register: async (registration) => {
      await expectOk(await put('agent/service/register', describe(registration)));
    },
    passCheck: async (checkId) => {
      const response = await put(`agent/check/pass/${encodeURIComponent(checkId)}`);
      if (response.status !== 404) return expectOk(response);
      await response.body?.cancel();
      return false;
    },
    deregister: async (id) => {
      const response = await put(`agent/service/deregister/${encodeURIComponent(id)}`);
      if (response.status !== 404) await expectOk(response);
      else await response.body?.cancel(); // gone already: what was wanted
    },
  };
}

async function expectOk(response: Response): Promise<true> {
  if (!response.ok) return fail(response);
  await response.body?.cancel();
  return true;
}

async function fail(response: Response): Promise<never> {
  const text = await response.text();
  const Kind = response.status === 403 ? RegistryRefusal : Error;
  throw new Kind(`the registry answered ${response.status}: ${text.slice(0, 200)}`);
}

function describe({ id, service, host, port, grpcPort, ttlSeconds }: Registration): object {
  return {
    ID: id,
    Name: service,
    Address: host,
    Port: port,
    Meta: grpcPort === undefined ? {} : { grpc_port: String(grpcPort) },
    Check: { TTL: `${ttlSeconds}s`, Status: 'passing', DeregisterCriticalServiceAfter: '1m' },
  };
}

interface HealthEntry {
  readonly Node?: { readonly Address?: string };
  readonly Service?: {
    readonly ID?: string;
    readonly Address?: string;
    readonly Port?: number;
    readonly Meta?: Readonly<Record<string, string>> | null;
  };
}

/** Entries without an id, an address or a port cannot be called and are left out. */
function parseEntries(service: string, body: unknown): readonly Endpoint[] {
  if (!Array.isArray(body)) throw new TypeError('the registry answered something that is no list');
  const entries: readonly HealthEntry[] = body;
  return entries.flatMap(({ Node: node, Service: instance }) => {
    const host = instance?.Address || node?.Address;
    if (!instance?.ID || !host || !instance.Port) return [];
    const grpcPort = Number(instance.Meta?.['grpc_port']);
    return [{ id: instance.ID, service, host, port: instance.Port, ...(grpcPort > 0 && { grpcPort }) }];
  });
}
