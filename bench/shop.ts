import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { placeOrder, type RunningSystem, startSystem } from '../test/system/running-system.ts';
import { measureOrderCost } from './order-cost.ts';
import { cpuSecondsOfTree, memoryOfTree } from './processes.ts';
import { median, percentile, summary } from './statistics.ts';

/** The whole shop: start-up, memory, boot of a service, checkout through the gateway. */
export async function run(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      starts: { type: 'string', default: '5' },
      rounds: { type: 'string', default: '3' },
      seconds: { type: 'string', default: '10' },
      clients: { type: 'string', default: '32' },
      flow: { type: 'string', default: 'orchestration' },
    },
  });
  const dataDir = await mkdtemp(join(tmpdir(), 'flotilla-bench-'));
  try {
    console.log(
      `cold start to first confirmed order: ${(await startOnce(dataDir)).firstOrderMs.toFixed(0)} ms (creates and seeds the databases)`,
    );
    const starts = [];
    for (let n = 0; n < Number(values.starts); n += 1) starts.push(await startOnce(dataDir));
    console.log(
      `warm start to first confirmed order, ms: ${summary(starts.map((start) => start.firstOrderMs))}`,
    );
    console.log(
      `boot of one service until it serves, ms: ${summary(starts.flatMap((start) => start.bootMs))}`,
    );
    console.log(
      `resident memory of all processes, MB: ${summary(starts.map((start) => start.rssBytes / 2 ** 20))}`,
    );
    console.log(
      `proportional memory (shared pages once), MB: ${summary(starts.map((start) => start.pssBytes / 2 ** 20))}`,
    );
    const load = {
      rounds: Number(values.rounds),
      seconds: Number(values.seconds),
      clients: Number(values.clients),
    };
    await checkout(dataDir, values.flow, load);
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
}

interface Start {
  readonly firstOrderMs: number;
  readonly bootMs: readonly number[];
  readonly rssBytes: number;
  readonly pssBytes: number;
}

async function startOnce(dataDir: string): Promise<Start> {
  const begin = performance.now();
  const system = await startSystem({ dataDir });
  try {
    const order = await placeOrder(system);
    const firstOrderMs = performance.now() - begin;
    if (order.status !== 201) throw new Error(`the first order was answered ${order.status}`);
    const memory = memoryOfTree(system.supervisor.pid ?? 0);
    return {
      firstOrderMs,
      bootMs: await bootTimes(system),
      rssBytes: memory.rssBytes,
      pssBytes: memory.pssBytes,
    };
  } finally {
    await system.stop();
  }
}

/** Orders over which the cost of one is averaged. */
const COST_ORDERS = 50;

const SERVICES = ['identity', 'inventory', 'order', 'payment', 'shipping', 'cart', 'notification'];

/** Restarts each service by itself; it logs how long it took from the start of its process until it served. */
async function bootTimes(system: RunningSystem): Promise<readonly number[]> {
  const times = [];
  for (const service of SERVICES) {
    await system.cli('restart', service);
    const lines = (await system.cli('logs', service, '-n', '20')).split('\n');
    const found = lines.flatMap((line) => /"bootMs":(\d+)/.exec(line)?.[1] ?? []).at(-1);
    if (found !== undefined) times.push(Number(found));
  }
  return times;
}

interface Round {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly cpuMs: number;
}

interface CheckoutLoad {
  readonly rounds: number;
  readonly seconds: number;
  readonly clients: number;
}

async function checkout(dataDir: string, flow: string, load: CheckoutLoad): Promise<void> {
  const { rounds, seconds, clients } = load;
  const system = await startSystem({ dataDir, env: { ORDER_FLOW: flow } });
  try {
    console.log(`at rest, CPU of the whole system: ${(await measureRest(system)).toFixed(0)} ms a second`);
    await checkoutRound(system, 3, clients); // warm up
    const results: Round[] = [];
    for (let n = 0; n < rounds; n += 1) results.push(await checkoutRound(system, seconds, clients));
    console.log(
      `checkout by ${flow}, ${clients} clients in a closed loop, ${rounds} rounds of ${seconds} s:`,
    );
    console.log(`  confirmed orders/s: ${summary(results.map((round) => round.perSecond))}`);
    console.log(`  p50, ms: ${summary(results.map((round) => round.p50Ms))}`);
    console.log(`  p99, ms: ${summary(results.map((round) => round.p99Ms))}`);
    console.log(
      `  CPU of the whole system, ms for each order: ${summary(
        results.map((round) => round.cpuMs),
        1,
      )}`,
    );
    const single = await checkoutRound(system, seconds, 1);
    console.log(
      `  one client: p50 ${median([single.p50Ms]).toFixed(1)} ms, p99 ${single.p99Ms.toFixed(1)} ms`,
    );
    const cost = await measureOrderCost(system, COST_ORDERS);
    console.log(
      `  one order: ${cost.transactions.toFixed(1)} transactions, ${cost.messages.toFixed(1)} messages, ${cost.deliveries.toFixed(1)} deliveries`,
    );
  } finally {
    await system.stop();
  }
}

/** What follows a start has ended by then. */
const CALM_MS = 15_000;
const REST_MS = 30_000;

/** CPU in ms for each second in which nobody wants anything of the system. */
async function measureRest(system: RunningSystem): Promise<number> {
  const pid = system.supervisor.pid ?? 0;
  await delay(CALM_MS);
  const begin = performance.now();
  const before = cpuSecondsOfTree(pid);
  await delay(REST_MS);
  return ((cpuSecondsOfTree(pid) - before) * 1_000) / ((performance.now() - begin) / 1_000);
}

async function checkoutRound(system: RunningSystem, seconds: number, clients: number): Promise<Round> {
  await Promise.all(['alice', 'bob', 'carol'].map((user) => system.token(user)));
  const latencies: number[] = [];
  const pid = system.supervisor.pid ?? 0;
  const cpuBefore = cpuSecondsOfTree(pid);
  const begin = performance.now();
  const end = begin + seconds * 1_000;
  const client = async (n: number): Promise<void> => {
    while (performance.now() < end) {
      const sent = performance.now();
      const user = ['alice', 'bob', 'carol'][n % 3] ?? 'alice';
      const sku = `sku-${String(10 + (latencies.length % 40)).padStart(4, '0')}`;
      const answer = await placeOrder(system, { user, sku, key: randomUUID(), waitSeconds: 30 });
      if (answer.status !== 201)
        throw new Error(`an order was answered ${answer.status}: ${JSON.stringify(answer.body)}`);
      latencies.push(performance.now() - sent);
    }
  };
  await Promise.all(Array.from({ length: clients }, (_none, n) => client(n)));
  const elapsedSeconds = (performance.now() - begin) / 1_000;
  return {
    perSecond: latencies.length / elapsedSeconds,
    p50Ms: percentile(latencies, 0.5),
    p99Ms: percentile(latencies, 0.99),
    cpuMs: ((cpuSecondsOfTree(pid) - cpuBefore) * 1_000) / latencies.length,
  };
}
