import { createHmac, randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Contender, flotilla, haproxy, nginx, peer, type RunningGateway } from './gateway/contenders.ts';
import type { LoadRequest, LoadResult } from './gateway/traffic.ts';
import { cpuSecondsOfTree, memoryOfTree } from './processes.ts';
import { type Program, startProgram } from './program.ts';
import { createReport, type Figures } from './report.ts';
import { percentile } from './statistics.ts';

interface Options {
  readonly requests: number;
  readonly connections: number;
  readonly urls: number;
  readonly megabytes: number;
}

interface Bench {
  readonly options: Options;
  readonly load: Program;
  readonly backendPort: number;
}

interface Scenario {
  readonly name: string;
  readonly contenders: readonly Contender[];
  measure(gateway: RunningGateway, bench: Bench): Promise<Figures>;
}

const SECRET = randomBytes(32).toString('hex');

/** What a request costs on its way through a gateway, beside other gateways in front of the same back end. */
export async function run(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string', default: '' },
      rounds: { type: 'string', default: '3' },
      requests: { type: 'string', default: '60000' },
      connections: { type: 'string', default: '64' },
      urls: { type: 'string', default: '300000' },
      megabytes: { type: 'string', default: '1024' },
      results: { type: 'string' },
    },
  });
  const options: Options = {
    requests: Number(values.requests),
    connections: Number(values.connections),
    urls: Number(values.urls),
    megabytes: Number(values.megabytes),
  };
  const report = createReport('gateway', new Date());
  const folder = join(import.meta.dirname, 'gateway');
  const backend = await startProgram(join(folder, 'our-backend.ts'), { settings: {} });
  const load = await startProgram(join(folder, 'our-load.ts'), { settings: {} });
  try {
    const bench = { options, load, backendPort: await backend.ask<number>('port') };
    for (const scenario of SCENARIOS.filter(({ name }) => name.includes(values.only))) {
      for (let round = 1; round <= Number(values.rounds); round += 1) {
        for (const contender of scenario.contenders) {
          const gateway = await contender.start(bench.backendPort);
          if (gateway === undefined) continue;
          try {
            const figures = await scenario.measure(gateway, bench);
            report.add(scenario.name, contender, figures);
            console.log(`${scenario.name}, ${contender.name}: ${JSON.stringify(figures)}`);
          } finally {
            await gateway.stop();
          }
        }
      }
    }
  } finally {
    await load.stop();
    await backend.stop();
  }
  report.print();
  if (values.results) await report.write(values.results);
}

const route = (backendPort: number, more: object = {}) => ({
  UpstreamPathTemplate: '/api/{everything}',
  DownstreamPathTemplate: '/api/{everything}',
  DownstreamHostAndPorts: [{ Host: '127.0.0.1', Port: backendPort }],
  ...more,
});

const plain = (backendPort: number) => ({ Routes: [route(backendPort)] });

const manyRoutes = (count: number) => (backendPort: number) => ({
  Routes: [
    ...Array.from({ length: count - 1 }, (_none, n) =>
      route(backendPort, {
        UpstreamPathTemplate: `/service-${n % 100}/resource-${n}/{id}`,
        DownstreamPathTemplate: `/resource-${n}/{id}`,
      }),
    ),
    route(backendPort),
  ],
});

const LIMIT = 5_000;

const limited = (backendPort: number) => ({
  Routes: [route(backendPort, { RateLimitOptions: { Period: '1h', Limit: LIMIT } })],
});

const withPolicies = (backendPort: number) => ({
  Routes: [
    route(backendPort, {
      AuthenticationOptions: { AuthenticationProviderKey: 'Bearer', AllowedScopes: ['api'] },
      RateLimitOptions: { Period: '1h', Limit: 1_000_000_000 },
      AddHeadersToRequest: { 'X-User-Id': 'Claims[sub] > value' },
    }),
  ],
  GlobalConfiguration: {
    RequestIdKey: 'X-Request-Id',
    AuthenticationProviders: { Bearer: { Secret: SECRET } },
  },
});

function token(): string {
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const exp = Math.floor(Date.now() / 1000) + 3_600;
  const text = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode({ sub: 'alice', scope: 'api', exp })}`;
  return `${text}.${createHmac('sha256', SECRET).update(text).digest('base64url')}`;
}

const OURS = flotilla('Flotilla', plain);
const SCENARIOS: readonly Scenario[] = [
  {
    name: 'plain proxy',
    contenders: [OURS, peer('fast-gateway'), peer('@fastify/http-proxy'), peer('http-proxy'), nginx, haproxy],
    measure: (gateway, bench) => measureRequests(gateway, bench, {}),
  },
  {
    name: 'with JWT, rate limit, request id, tracing and metrics',
    contenders: [
      flotilla('Flotilla, policies', withPolicies),
      { ...OURS, name: 'Flotilla, plain', ours: false },
    ],
    measure: (gateway, bench) =>
      measureRequests(gateway, bench, { fields: `Authorization: Bearer ${token()}\r\n` }),
  },
  {
    name: 'routes',
    contenders: [
      flotilla('10,000 routes', manyRoutes(10_000)),
      { ...flotilla('10 routes', manyRoutes(10)), ours: false },
    ],
    measure: (gateway, bench) => measureRequests(gateway, bench, {}),
  },
  { name: 'distinct URLs', contenders: [OURS], measure: measureUrls },
  { name: 'server-sent events', contenders: [OURS, peer('http-proxy'), nginx], measure: measureEvents },
  {
    name: 'rate limit under load',
    contenders: [flotilla('Flotilla', limited)],
    measure: measureLimit,
  },
  { name: 'reload under load', contenders: [OURS], measure: measureReload },
  { name: 'one large answer', contenders: [OURS, peer('http-proxy'), nginx], measure: measureStream },
];

async function measureRequests(
  gateway: RunningGateway,
  { load, options }: Bench,
  more: Partial<LoadRequest>,
): Promise<Figures> {
  const request: LoadRequest = {
    port: gateway.port,
    connections: options.connections,
    requests: options.requests,
    path: '/api/orders/42',
    fields: 'Accept: application/json\r\nUser-Agent: bench\r\n',
    perSecond: 0,
    ...more,
  };
  await load.ask('load', { ...request, requests: Math.min(20_000, options.requests) });
  const before = cpuSecondsOfTree(gateway.pid);
  const result = await load.ask<LoadResult>('load', request);
  const cpuSeconds = cpuSecondsOfTree(gateway.pid) - before;
  assertServed(result, options.requests);
  return {
    'CPU a request, µs': (cpuSeconds * 1e6) / options.requests,
    'requests/s': result.perSecond,
    'p50, ms': result.p50Ms,
    'p99, ms': result.p99Ms,
  };
}

/** Nothing may be kept for a URL: after the first tenth memory stays what it is. */
async function measureUrls(gateway: RunningGateway, { load, options }: Bench): Promise<Figures> {
  const request: LoadRequest = {
    port: gateway.port,
    connections: options.connections,
    requests: Math.ceil(options.urls / 10),
    path: '/api/orders/#?page=#',
    fields: '',
    perSecond: 0,
  };
  await load.ask('load', { ...request, path: '/api/first/#?page=#' });
  const before = memoryOfTree(gateway.pid).rssBytes;
  const result = await load.ask<LoadResult>('load', { ...request, requests: options.urls });
  assertServed(result, options.urls);
  const growth = memoryOfTree(gateway.pid).rssBytes - before;
  return { 'memory before, MB': before / 2 ** 20, 'growth, MB': growth / 2 ** 20 };
}

async function measureEvents(gateway: RunningGateway, { load }: Bench): Promise<Figures> {
  const delays = await load.ask<readonly number[]>('events', { port: gateway.port });
  return { events: delays.length, 'p50, ms': percentile(delays, 0.5), 'p99, ms': percentile(delays, 0.99) };
}

/** Of twice as many requests as are allowed, all at once: how many came through. */
async function measureLimit(gateway: RunningGateway, { load, options }: Bench): Promise<Figures> {
  const { statuses } = await load.ask<LoadResult>('load', {
    port: gateway.port,
    connections: options.connections,
    requests: 2 * LIMIT,
    path: '/api/orders/42',
    fields: '',
    perSecond: 0,
  } satisfies LoadRequest);
  return { allowed: LIMIT, admitted: statuses['200'] ?? 0, rejected: statuses['429'] ?? 0 };
}

/** The file changes five times a second while requests go on. */
async function measureReload(
  gateway: RunningGateway,
  { load, options, backendPort }: Bench,
): Promise<Figures> {
  const file = join(gateway.folder, 'ocelot.json');
  let reloads = 0;
  const timer = setInterval(() => {
    reloads += 1;
    const other = route(backendPort, { UpstreamPathTemplate: `/other-${reloads}` });
    writeFileSync(file, JSON.stringify({ Routes: [other, route(backendPort)] }));
  }, 200);
  const { statuses } = await load.ask<LoadResult>('load', {
    port: gateway.port,
    connections: options.connections,
    requests: options.requests,
    path: '/api/orders/42',
    fields: '',
    perSecond: 0,
  } satisfies LoadRequest);
  clearInterval(timer);
  return { 'files written': reloads, 'failed requests': options.requests - (statuses['200'] ?? 0) };
}

async function measureStream(gateway: RunningGateway, { load, options }: Bench): Promise<Figures> {
  const bytes = options.megabytes * 2 ** 20;
  await load.ask('stream', { port: gateway.port, path: '/api/stream/1048576', enough: 1_048_576 });
  const before = memoryOfTree(gateway.pid).rssBytes;
  const cpuBefore = cpuSecondsOfTree(gateway.pid);
  let highest = before;
  const watch = setInterval(() => {
    highest = Math.max(highest, memoryOfTree(gateway.pid).rssBytes);
  }, 50);
  const received = await load.ask<number>('stream', {
    port: gateway.port,
    path: `/api/stream/${bytes}`,
    enough: bytes,
  });
  clearInterval(watch);
  if (received < bytes) throw new Error(`only ${received} of ${bytes} bytes came through`);
  return {
    'CPU a megabyte, µs': ((cpuSecondsOfTree(gateway.pid) - cpuBefore) * 1e6) / options.megabytes,
    'highest growth, MB': (highest - before) / 2 ** 20,
  };
}

function assertServed({ statuses }: LoadResult, requests: number): void {
  if (statuses['200'] !== requests)
    throw new Error(`not all requests were served: ${JSON.stringify(statuses)}`);
}
