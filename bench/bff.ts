import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { bffMigrations } from '@flotilla/bff/migrations';
import type { FrontEndSettings } from './bff/our-front-end.ts';
import type { Delays } from './bff/our-parts.ts';
import type { Visit, Waits } from './bff/our-visitors.ts';
import { startPostgresServer } from './postgres-server.ts';
import { type Program, startProgram } from './program.ts';
import { createReport, type Figures } from './report.ts';

const WARM_UP = 2_000;
/** How long the services of a page think, in ms; the page can do without the last one. */
const THINKING: Delays = { orders: 20, products: 15, recommendations: 10 };

interface Bench {
  readonly frontEnd: Program;
  readonly visitors: Program;
  /** Of whoever is signed in, at the front end and at the services behind it. */
  readonly own: { readonly url: string; readonly headers: Visit['headers'] };
  readonly direct: { readonly url: string; readonly headers: Visit['headers'] };
}

/** What a front end adds to a call that goes through it, and whether a page waits for more than the slowest of its parts. */
export async function run(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: 'string', default: '5' },
      calls: { type: 'string', default: '20000' },
      pages: { type: 'string', default: '1000' },
      results: { type: 'string' },
    },
  });
  const report = createReport('bff', new Date());
  await withBench(async (bench, parts) => {
    for (let round = 1; round <= Number(values.rounds); round += 1) {
      await parts.ask('delays', { orders: 0, products: 0, recommendations: 0 } satisfies Delays);
      const [through, alone] = await measureCall(bench, Number(values.calls));
      report.add('a call', { name: 'through the front end', ours: true }, through);
      report.add('a call', { name: 'the service alone', ours: false }, alone);
      await parts.ask('delays', THINKING);
      const [page, inTurn, slowest] = await measurePage(bench, Number(values.pages));
      report.add('the first page', { name: 'the front end', ours: true }, page);
      report.add('the first page', { name: 'its parts in turn', ours: false }, inTurn);
      report.add('the first page', { name: 'its slowest part', ours: false }, slowest);
    }
  });
  report.print();
  if (values.results) await report.write(values.results);
}

async function withBench(work: (bench: Bench, parts: Program) => Promise<void>): Promise<void> {
  const folder = join(import.meta.dirname, 'bff');
  await using stack = new AsyncDisposableStack();
  const server = await startPostgresServer();
  stack.defer(() => server.stop());
  const start = async (file: string, settings: object) => {
    const program = await startProgram(join(folder, file), { settings });
    stack.defer(() => program.stop());
    return program;
  };
  const parts = await start('our-parts.ts', {});
  const partsPort = await parts.ask<number>('port');
  const token = await parts.ask<string>('token');
  const uri = await server.database('web_bff', [bffMigrations]);
  const frontEnd = await start('our-front-end.ts', { uri, partsPort, token } satisfies FrontEndSettings);
  const visitors = await start('our-visitors.ts', {});
  const cookie = await frontEnd.ask<string>('cookie');
  const port = await frontEnd.ask<number>('port');
  const bench = {
    ...{ frontEnd, visitors },
    own: { url: `http://127.0.0.1:${port}`, headers: { cookie, 'sec-fetch-site': 'same-origin' } },
    direct: { url: `http://127.0.0.1:${partsPort}`, headers: { authorization: `Bearer ${token}` } },
  };
  await work(bench, parts);
}

/** One at a time for what somebody waits, many at a time for what the processor does. */
async function measureCall(bench: Bench, calls: number): Promise<readonly [Figures, Figures]> {
  const { frontEnd, own, direct } = bench;
  const ask = (from: Bench['own'], visits: number, visitors: number) =>
    visit(bench, from, ['/orders?limit=20'], visits, visitors);
  for (const from of [own, direct]) await ask(from, WARM_UP, 16);
  const before = await frontEnd.ask<NodeJS.CpuUsage>('cpu');
  await ask(own, calls, 16);
  const after = await frontEnd.ask<NodeJS.CpuUsage>('cpu');
  const micros = (after.user - before.user + after.system - before.system) / calls;
  const [through, alone] = [await ask(own, calls / 10, 1), await ask(direct, calls / 10, 1)];
  return [
    { 'CPU µs': micros, 'p50 ms': through.p50Ms, 'p50 ms on top': through.p50Ms - alone.p50Ms },
    { 'p50 ms': alone.p50Ms },
  ];
}

async function measurePage(bench: Bench, pages: number): Promise<readonly [Figures, Figures, Figures]> {
  const { own, direct } = bench;
  const paths = ['/orders?limit=20', '/products?limit=50', '/me/recommendations?limit=12'];
  await visit(bench, own, ['/web/home'], pages / 10, 2);
  const page = await visit(bench, own, ['/web/home'], pages, 2);
  const inTurn = await visit(bench, direct, paths, pages, 2);
  const slowest = await visit(bench, direct, paths.slice(0, 1), pages, 2);
  return [
    { ...figuresOf(page), 'p99 ms on top of the slowest part': page.p99Ms - slowest.p99Ms },
    figuresOf(inTurn),
    figuresOf(slowest),
  ];
}

const figuresOf = ({ p50Ms, p99Ms }: Waits): Figures => ({ 'p50 ms': p50Ms, 'p99 ms': p99Ms });

async function visit(
  { visitors }: Bench,
  { url, headers }: Bench['own'],
  paths: readonly string[],
  visits: number,
  atOnce: number,
): Promise<Waits> {
  const urls = paths.map((path) => url + path);
  return await visitors.ask<Waits>('visit', { urls, headers, visits, visitors: atOnce } satisfies Visit);
}
