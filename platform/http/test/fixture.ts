import { createConnection } from 'node:net';
import type { TestContext } from 'node:test';
import { createTestIssuer } from '@flotilla/auth/testing';
import { createRoundRobin, createStaticResolver } from '@flotilla/discovery';
import { createMetrics, type Metrics, silentLogger } from '@flotilla/telemetry';
import {
  createHttpClient,
  createHttpHost,
  type HttpClient,
  type HttpClientOptions,
  type HttpHostOptions,
} from '../src/index.ts';

export interface Problem {
  readonly status: number;
  readonly code: string;
  readonly title: string;
  readonly detail?: string;
  readonly traceId: string;
  readonly errors?: readonly { readonly in?: string; readonly path: string; readonly message: string }[];
}

/** A listening host that is closed when the test ends. */
export async function startHost(
  t: TestContext,
  options: Pick<HttpHostOptions, 'handlers'> & Partial<HttpHostOptions>,
) {
  const metrics = options.metrics ?? createMetrics();
  const host = createHttpHost({
    service: 'sample',
    logger: silentLogger,
    readiness: {},
    ...options,
    metrics,
  });
  const { url, port } = await host.listen();
  t.after(() => host.close());
  return { host, url, port, metrics };
}

/** A client of fixed instances that is closed when the test ends. */
export function connect(
  t: TestContext,
  ports: readonly number[],
  options: Partial<HttpClientOptions> = {},
): HttpClient & { readonly metrics: Metrics } {
  const metrics = options.metrics ?? createMetrics();
  const resolver = createStaticResolver({ sample: ports.map((port) => `127.0.0.1:${port}`) });
  const client = createHttpClient({
    service: 'sample',
    pick: createRoundRobin(resolver).pick,
    logger: silentLogger,
    metrics,
    ...options,
  });
  t.after(() => client.close());
  return { ...client, metrics };
}

export const issuer = createTestIssuer();

/** What a server answers to bytes that no HTTP client would send. */
export async function sendRaw(port: number, text: string): Promise<string> {
  const socket = createConnection({ host: '127.0.0.1', port });
  socket.setEncoding('utf8');
  socket.write(text);
  let answer = '';
  for await (const chunk of socket) answer += chunk;
  return answer;
}

export async function readProblem(response: Response): Promise<Problem> {
  return (await response.json()) as Problem;
}
