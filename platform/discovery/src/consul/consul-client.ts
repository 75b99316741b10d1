import type { Endpoint } from '../endpoint.ts';
import { type ConsulAddress, type ConsulResponse, createConsulHttp } from './consul-http.ts';
import { type ReadHealthOptions, readHealth } from './read-health.ts';

/** What the platform uses of Consul's HTTP API. Every call has a deadline; failures are thrown as they come. */
export interface ConsulClient {
  /** Healthy instances; with `index` the response waits up to `waitSeconds` for a change. */
  healthy(question: HealthQuestion): Promise<HealthAnswer>;
  /** Has it instances, healthy or not? */
  isRegistered(question: Pick<HealthQuestion, 'service' | 'namespace' | 'signal'>): Promise<boolean>;
  /** The right to one question that waits, or `undefined` when as many as allowed are waiting. */
  takeWatch(): (() => void) | undefined;
  register(registration: Registration): Promise<void>;
  /** `false` when the registry does not know the check. */
  passCheck(checkId: string): Promise<boolean>;
  deregister(id: string): Promise<void>;
  /** Closes its connections. */
  close(): void;
}

interface HealthQuestion extends ReadHealthOptions {
  readonly index: bigint;
  readonly waitSeconds: number;
  readonly signal: AbortSignal;
  /** Of a question that does not wait. Default 2,000. */
  readonly timeoutMs?: number;
}

interface HealthAnswer {
  readonly endpoints: readonly Endpoint[];
  readonly index: bigint;
}

export interface Registration {
  readonly id: string;
  readonly service: string;
  readonly host: string;
  readonly port: number;
  readonly grpcPort?: number;
  readonly ttlSeconds: number;
  readonly tags?: readonly string[];
  readonly weight?: number;
  readonly zone?: string;
}

export interface ConsulClientOptions extends ConsulAddress {
  /**
   * Questions that wait at the same time. Consul allows 200 connections from one address, for everything that runs
   * there. Default 64.
   */
  readonly maxWatches?: number;
}

const CALL_TIMEOUT_MS = 2_000;
const DEFAULT_MAX_WATCHES = 64;

// A real Consul adds up to a sixteenth to the asked wait, and the response has to travel.
const waitDeadlineMs = (waitSeconds: number) => waitSeconds * 1000 * (17 / 16) + CALL_TIMEOUT_MS;

/** The registry does not let the bearer of this token do it: trying again is of no use. */
export class RegistryRefusal extends Error {}

export function createConsulClient(options: ConsulClientOptions): ConsulClient {
  const { maxWatches = DEFAULT_MAX_WATCHES } = options;
  const http = createConsulHttp(options, maxWatches);
  let watches = 0;

  const put = (path: string, body?: unknown) =>
    http.send({ method: 'PUT', path, body, timeoutMs: CALL_TIMEOUT_MS });

  return {
    healthy: async ({ index, waitSeconds, signal, timeoutMs = CALL_TIMEOUT_MS, ...how }) => {
      const waits = index > 0n;
      const response = await http.send({
        method: 'GET',
        path: healthPath(how, ['passing', ...(waits ? [`index=${index}`, `wait=${waitSeconds}s`] : [])]),
        timeoutMs: waits ? waitDeadlineMs(waitSeconds) : timeoutMs,
        isBlocking: waits,
        signal,
      });
      return { endpoints: readHealth(listIn(response), how), index: response.index };
    },
    isRegistered: async ({ signal, ...how }) => {
      const path = healthPath(how, []);
      const response = await http.send({ method: 'GET', path, timeoutMs: CALL_TIMEOUT_MS, signal });
      const list = listIn(response);
      return Array.isArray(list) && list.length > 0;
    },
    takeWatch: () => {
      if (watches >= maxWatches) return undefined;
      watches += 1;
      return () => {
        watches -= 1;
      };
    },
    register: async (registration) => {
      expectOk(await put('agent/service/register', describe(registration)));
    },
    passCheck: async (checkId) => {
      const response = await put(`agent/check/pass/${encodeURIComponent(checkId)}`);
      if (response.status === 404) return false;
      expectOk(response);
      return true;
    },
    deregister: async (id) => {
      const response = await put(`agent/service/deregister/${encodeURIComponent(id)}`);
      if (response.status !== 404) expectOk(response); // gone already: what was wanted
    },
    close: http.close,
  };
}

function healthPath({ service, namespace }: ReadHealthOptions, query: readonly string[]): string {
  const parameters = [...query, ...(namespace ? [`ns=${encodeURIComponent(namespace)}`] : [])];
  const path = `health/service/${encodeURIComponent(service)}`;
  return parameters.length === 0 ? path : `${path}?${parameters.join('&')}`;
}

function listIn(response: ConsulResponse): unknown {
  expectOk(response);
  try {
    return JSON.parse(response.text) as unknown;
  } catch (error) {
    throw new TypeError('the registry sent something that is no JSON', { cause: error });
  }
}

/** The registry's own words say what is wrong: a namespace that it does not know, a token, too many connections. */
function expectOk({ status, text }: ConsulResponse): void {
  if (status >= 200 && status < 300) return;
  const Kind = status === 403 ? RegistryRefusal : Error;
  throw new Kind(`the registry responded ${status}: ${text.slice(0, 200).trim()}`);
}

function describe(registration: Registration): object {
  const { id, service, host, port, grpcPort, ttlSeconds, tags = [], weight, zone } = registration;
  return {
    ID: id,
    Name: service,
    Address: host,
    Port: port,
    ...(tags.length > 0 && { Tags: tags }),
    Meta: {
      ...(grpcPort !== undefined && { grpc_port: String(grpcPort) }),
      ...(zone !== undefined && { zone }),
    },
    ...(weight !== undefined && { Weights: { Passing: weight, Warning: 1 } }),
    Check: { TTL: `${ttlSeconds}s`, Status: 'passing', DeregisterCriticalServiceAfter: '1m' },
  };
}
