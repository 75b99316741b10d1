import { once } from 'node:events';
import { Agent, get } from 'node:http';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Program, startProgram } from './program.ts';
import { createReport, type Figures } from './report.ts';
import { measureIngest } from './telemetry/ingest.ts';

const HERE = join(import.meta.dirname, 'telemetry');
const THEIRS = join(import.meta.dirname, 'peers/telemetry.ts');
const CONCURRENCY = 16;

/** What telemetry costs a request, with and without export in turns; a span beside OpenTelemetry's own SDK; spans into the store. */
export async function run(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: 'string', default: '5' },
      requests: { type: 'string', default: '20000' },
      spans: { type: 'string', default: '200000' },
      results: { type: 'string' },
    },
  });
  const requests = Number(values.requests);
  const report = createReport('telemetry', new Date());
  const sink = await startProgram(join(HERE, 'our-sink.ts'), { settings: {} });
  try {
    const url = await sink.ask<string>('url');
    const variables = { OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_BSP_MAX_QUEUE_SIZE: '100000' };
    for (let round = 1; round <= Number(values.rounds); round += 1) {
      const gzip = { ...variables, OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip' };
      const json = { ...variables, OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json' };
      for (const [name, env] of Object.entries({ 'without export': {}, protobuf: variables, gzip, json }))
        report.add(
          'a request of three spans',
          { name, ours: name === 'protobuf' },
          await measureHost(env, requests),
        );
      const ours = { file: join(HERE, 'our-exporter.ts'), settings: { env: variables } };
      report.add('a span', { name: 'Flotilla', ours: true }, await measureSpans(ours));
      const theirs = { file: THEIRS, settings: { url } };
      report.add('a span', { name: 'OpenTelemetry SDK 3.1', ours: false }, await measureSpans(theirs));
      const stored = await measureIngest(Number(values.spans));
      report.add('spans into the store', { name: 'Flotilla', ours: true }, stored);
    }
  } finally {
    await sink.stop();
  }
  report.print();
  if (values.results) await report.write(values.results);
}

async function measureSpans({ file, settings }: { file: string; settings: object }): Promise<Figures> {
  const program = await startProgram(file, { settings });
  try {
    return await program.ask<Figures>('measure');
  } finally {
    await program.stop();
  }
}

async function measureHost(env: Readonly<Record<string, string>>, requests: number): Promise<Figures> {
  const host = await startProgram(join(HERE, 'our-host.ts'), { settings: { env } });
  const agent = new Agent({ keepAlive: true, maxSockets: CONCURRENCY });
  try {
    const url = await host.ask<string>('url');
    await load(url, agent, requests / 4);
    const before = await cpuOf(host);
    await load(url, agent, requests);
    return { 'µs of CPU': ((await cpuOf(host)) - before) / requests };
  } finally {
    agent.destroy();
    await host.stop();
  }
}

async function cpuOf(host: Program): Promise<number> {
  const { user, system } = await host.ask<NodeJS.CpuUsage>('cpu');
  return user + system;
}

/** A closed loop of so many at a time. */
async function load(url: string, agent: Agent, requests: number): Promise<void> {
  let left = requests;
  const work = async () => {
    while (left > 0) {
      left -= 1;
      const call = get(`${url}/orders/${left}`, { agent });
      const [response] = (await once(call, 'response')) as [NodeJS.ReadableStream];
      response.resume();
      await once(response, 'end');
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, work));
}
