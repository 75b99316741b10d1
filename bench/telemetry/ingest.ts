import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { Agent, createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { setTimeout } from 'node:timers/promises';
import {
  createMetrics,
  readTelemetrySettings,
  silentLogger,
  startTelemetry,
  withSpan,
} from '@flotilla/telemetry';
import { STORE_PROGRAM } from '@flotilla/telemetry-store/program';
import { cpuSecondsOfTree, memoryOfTree } from '../processes.ts';
import type { Figures } from '../report.ts';

const BATCH = 512;
/** Requests that are on their way at a time. */
const AT_ONCE = 4;

/** Spans with ten attributes into the store, as exporters send them, until the last one is answered, and so on disk. */
export async function measureIngest(spans: number): Promise<Figures> {
  const bodies = await makeBodies(spans);
  const folder = await mkdtemp(join(tmpdir(), 'bench-ingest-'));
  const file = join(folder, 'telemetry.db');
  const env = { PATH: process.env['PATH'], PORT: '0', TELEMETRY_FILE: file, TELEMETRY_MAX_SPANS: '9999999' };
  const store = fork(STORE_PROGRAM, { env, silent: true });
  try {
    const { pid = 0 } = store;
    const url = await addressOf(store);
    const cpuBefore = cpuSecondsOfTree(pid);
    const since = performance.now();
    const latenciesMs = await sendAll(url, bodies);
    const seconds = (performance.now() - since) / 1_000;
    const cpuSeconds = cpuSecondsOfTree(pid) - cpuBefore;
    const { rssBytes } = memoryOfTree(pid);
    await end(store);
    return {
      'spans/s': spans / seconds,
      'µs of CPU a span': (cpuSeconds * 1e6) / spans,
      'ms a request, p99': latenciesMs.toSorted((a, b) => a - b)[Math.floor(latenciesMs.length * 0.99)] ?? 0,
      'bytes a span': (await stat(file)).size / spans,
      'MB resident': rssBytes / 2 ** 20,
    };
  } finally {
    await end(store);
    await rm(folder, { recursive: true });
  }
}

/** What the exporter of a service sends, taken down. */
async function makeBodies(spans: number): Promise<readonly Buffer[]> {
  const bodies: Buffer[] = [];
  const receiver = createServer(async (incoming, response) => {
    bodies.push(await buffer(incoming));
    response.end();
  });
  receiver.listen(0, '127.0.0.1');
  await once(receiver, 'listening');
  const settings = readTelemetrySettings(
    {
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/v1/traces`,
      OTEL_BSP_MAX_QUEUE_SIZE: String(spans),
      OTEL_BSP_MAX_EXPORT_BATCH_SIZE: String(BATCH),
    },
    (problems) => {
      throw new TypeError(problems.join('\n'));
    },
  );
  const facts = { service: 'bench', version: '1.0.0', instance: 'bench-1', logsSpans: false };
  const metrics = createMetrics();
  const telemetry = await startTelemetry({ ...facts, metrics, logger: silentLogger, settings });
  for (let index = 0; index < spans; index += 1) {
    await withSpan('GET /orders/{id}', attributesOf(index), () => undefined, { kind: 'server' });
    if (index % BATCH === 0) await new Promise(setImmediate);
  }
  const accepted = `telemetry_exported_total{signal="traces",outcome="accepted"} ${spans}\n`;
  while (!metrics.render().includes(accepted)) await setTimeout(20);
  await telemetry.close();
  receiver.closeAllConnections();
  receiver.close();
  return bodies;
}

function attributesOf(index: number): Readonly<Record<string, string | number>> {
  return {
    'http.request.method': 'GET',
    'http.route': '/orders/{id}',
    'http.response.status_code': 200,
    'url.path': `/orders/${index}`,
    'url.scheme': 'http',
    'server.address': '127.0.0.1',
    'server.port': 8_080,
    'client.address': '127.0.0.1',
    'user_agent.original': 'bench',
    'network.protocol.version': '1.1',
  };
}

async function addressOf(store: ChildProcess): Promise<string> {
  for (;;) {
    const [message] = (await once(store, 'message')) as [{ readonly type: string; readonly url: string }];
    if (message.type === 'ready') return message.url;
  }
}

/** How long each took. */
async function sendAll(url: string, bodies: readonly Buffer[]): Promise<readonly number[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });
  const latenciesMs: number[] = [];
  let next = 0;
  const work = async () => {
    for (let body = bodies[next++]; body !== undefined; body = bodies[next++]) {
      const since = performance.now();
      const call = request(`${url}/v1/traces`, {
        ...{ method: 'POST', agent },
        headers: { 'content-type': 'application/x-protobuf', 'content-length': body.length },
      });
      call.end(body);
      const [response] = (await once(call, 'response')) as [NodeJS.ReadableStream & { statusCode: number }];
      await buffer(response);
      if (response.statusCode !== 200) throw new Error(`the store answered ${response.statusCode}`);
      latenciesMs.push(performance.now() - since);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  agent.destroy();
  return latenciesMs;
}

async function end(store: ChildProcess): Promise<void> {
  if (store.exitCode !== null || store.signalCode !== null) return;
  store.kill('SIGTERM');
  await once(store, 'exit');
}
