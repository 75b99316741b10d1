import { randomUUID } from 'node:crypto';
import { eventually } from '@flotilla/kernel/testing';

export interface Reply {
  readonly status: number;
  readonly text: string;
  readonly headers: Headers;
  readonly index: number;
}

type Json = Readonly<Record<string, unknown>>;

export interface HealthEntry {
  readonly Node: Json;
  readonly Service: Json & { readonly ID: string };
  readonly Checks: readonly (Json & { readonly CheckID: string; readonly Status: string })[];
}

/** A Consul HTTP API, with names that no other test of the same server has. */
export interface Api {
  readonly url: string;
  call(method: string, path: string, body?: unknown): Promise<Reply>;
  /** Of a GET that must succeed. */
  get<T>(path: string): Promise<T>;
  health(query: string): Promise<{ readonly entries: readonly HealthEntry[]; readonly index: number }>;
  register(body: object): Promise<void>;
  /** `prefix` and something unique. */
  name(prefix: string): string;
  /** Resolves when a question with this index is surely held: other questions are answered meanwhile. */
  settled(): Promise<void>;
}

export function apiOf(url: string): Api {
  async function call(method: string, path: string, body?: unknown): Promise<Reply> {
    const response = await fetch(`${url}/v1/${path}`, {
      method,
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const index = Number(response.headers.get('x-consul-index'));
    // A development server indents and ends its JSON with a line.
    const isJson = response.headers.get('content-type')?.startsWith('application/json') ?? false;
    const text = await response.text();
    return {
      status: response.status,
      text: isJson ? text.trimEnd() : text,
      headers: response.headers,
      index,
    };
  }
  async function ok(method: string, path: string, body?: unknown): Promise<Reply> {
    const reply = await call(method, path, body);
    if (reply.status !== 200) throw new Error(`${method} ${path}: ${reply.status} ${reply.text}`);
    return reply;
  }
  return {
    url,
    call,
    get: async <T>(path: string) => JSON.parse((await ok('GET', path)).text) as T,
    health: async (query) => {
      const { text, index } = await ok('GET', `health/service/${query}`);
      return { entries: JSON.parse(text) as readonly HealthEntry[], index };
    },
    register: async (body) => {
      await ok('PUT', 'agent/service/register', body);
      const { ID, Name } = body as { readonly ID?: string; readonly Name: string };
      // The agent of a real Consul tells its servers by and by.
      await eventually('it is in the catalog', async () => {
        const { text } = await call('GET', `catalog/service/${Name}`);
        return (JSON.parse(text) as readonly Json[]).some((one) => one['ServiceID'] === (ID ?? Name));
      });
    },
    name: (prefix) => `${prefix}-${randomUUID().slice(0, 8)}`,
    settled: async () => {
      for (let turn = 0; turn < 3; turn += 1) await call('GET', 'status/leader');
    },
  };
}
