import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type BalancerOptions, createBalancer, createStaticResolver } from '@flotilla/discovery';
import { createHttpClient, type HttpClient } from '@flotilla/http';
import { createMetrics, silentLogger } from '@flotilla/telemetry';
import { type Program, startProgram } from '../program.ts';
import type { Figures } from '../report.ts';
import { work } from './work-route.ts';

type Strategy = NonNullable<BalancerOptions['strategy']>;

const INSTANCE = join(import.meta.dirname, 'our-instance.ts');
const FAST_MS = 2;
const SLOW_MS = 200;
const CALLS = 4_000;
const WARM_UP = 500;
const CALLERS = 16;
const PER_SECOND = 100;

/** Ten instances, one of them a hundred times slower: how long calls take by the way in which one is chosen. */
export async function oneSlowOfTen(strategy: Strategy): Promise<Figures> {
  return await withInstances(
    [...Array<number>(9).fill(FAST_MS), SLOW_MS],
    strategy,
    async ({ client, programs }) => {
      await callMany(client, WARM_UP);
      const before = await requestsOf(programs);
      const tookMs = await callMany(client, CALLS);
      const after = await requestsOf(programs);
      const slow = (after.at(-1) ?? 0) - (before.at(-1) ?? 0);
      return {
        'p50 ms': quantile(tookMs, 0.5),
        'p99 ms': quantile(tookMs, 0.99),
        '% to the slow one': (slow * 100) / CALLS,
      };
    },
  );
}

const FAILS_AT_MS = 1_000;
/** By then it must be known. */
const KNOWN_AT_MS = 3_000;

/** One of two ends without a word while requests come at their time, or stands still and keeps its connections. */
export async function oneOfTwo(signal: 'SIGKILL' | 'SIGSTOP', seconds: number): Promise<Figures> {
  const delaysMs = [FAST_MS, FAST_MS];
  return await withInstances(delaysMs, 'power-of-two', async ({ client, programs: [first], sentTo }) => {
    await callMany(client, WARM_UP);
    const tookMs: number[] = [];
    let failed = 0;
    const call = async () => {
      const startedAtMs = performance.now();
      await client.call(work, {}).catch(() => {
        failed += 1;
      });
      tookMs.push(performance.now() - startedAtMs);
    };
    const calls = callAtRate(call, KNOWN_AT_MS + seconds * 1_000);
    const pid = first?.pid ?? 0;
    await sleep(FAILS_AT_MS);
    process.kill(pid, signal);
    await sleep(KNOWN_AT_MS - FAILS_AT_MS);
    const sentBefore = sentTo(0);
    const count = await calls;
    const share = ((sentTo(0) - sentBefore) * 100) / (seconds * PER_SECOND);
    if (signal === 'SIGSTOP') process.kill(pid, 'SIGCONT');
    return {
      ...{ calls: count, failed, '% to it after 2 s': share },
      ...{ 'p99 ms': quantile(tookMs, 0.99), 'longest ms': Math.max(...tookMs) },
    };
  });
}

/** Begins calls at their time whatever became of those before them; resolves with their number when all have ended. */
async function callAtRate(call: () => Promise<void>, forMs: number): Promise<number> {
  const startedAtMs = performance.now();
  const running: Promise<void>[] = [];
  for (let passedMs = 0; passedMs < forMs; passedMs = performance.now() - startedAtMs) {
    while (running.length < (passedMs * PER_SECOND) / 1_000) running.push(call());
    await sleep(1);
  }
  await Promise.all(running);
  return running.length;
}

/** Three services below one another, the last of which always fails: how often it is asked for one request of a user. */
export async function threeHops(): Promise<Figures> {
  const bottom = await startProgram(INSTANCE, { settings: { delayMs: 0, fails: true } });
  const middle = await startProgram(INSTANCE, { settings: { delayMs: 0, below: await bottom.ask('port') } });
  const top = await startProgram(INSTANCE, { settings: { delayMs: 0, below: await middle.ask('port') } });
  const client = connect([await top.ask<number>('port')], 'power-of-two').client;
  try {
    await callMany(client, 1_000, 4);
    const [asked = 0] = await requestsOf([bottom]);
    return { 'attempts a request': asked / 1_000 };
  } finally {
    await client.close();
    for (const program of [top, middle, bottom]) await program.stop();
  }
}

interface Running {
  readonly client: HttpClient;
  readonly programs: readonly Program[];
  /** Calls that were sent to an instance. */
  sentTo(index: number): number;
}

async function withInstances(
  delaysMs: readonly number[],
  strategy: Strategy,
  measure: (running: Running) => Promise<Figures>,
): Promise<Figures> {
  const programs = await Promise.all(
    delaysMs.map((delayMs) => startProgram(INSTANCE, { settings: { delayMs } })),
  );
  const ports = await Promise.all(programs.map((program) => program.ask<number>('port')));
  const { client, sent } = connect(ports, strategy);
  try {
    return await measure({ client, programs, sentTo: (index) => sent.get(ports[index] ?? 0) ?? 0 });
  } finally {
    await client.close();
    await Promise.all(programs.map((program) => program.stop()));
  }
}

function connect(ports: readonly number[], strategy: Strategy) {
  const sent = new Map<number, number>();
  const resolver = createStaticResolver({ bench: ports.map((port) => `127.0.0.1:${port}`) });
  const balancer = createBalancer(resolver, { strategy, slowStartMs: 0 });
  const client = createHttpClient({
    service: 'bench',
    pick: async (service, options) => {
      const picked = await balancer.pick(service, options);
      sent.set(picked.port, (sent.get(picked.port) ?? 0) + 1);
      return picked;
    },
    logger: silentLogger,
    metrics: createMetrics(),
  });
  return { client, sent };
}

const requestsOf = (programs: readonly Program[]): Promise<readonly number[]> =>
  Promise.all(programs.map((program) => program.ask<number>('requests')));

async function callMany(
  client: HttpClient,
  count: number,
  callers: number = CALLERS,
): Promise<readonly number[]> {
  const tookMs: number[] = [];
  let begun = 0;
  const caller = async () => {
    while (begun < count) {
      begun += 1;
      const startedAtMs = performance.now();
      await client.call(work, {}).catch(() => undefined);
      tookMs.push(performance.now() - startedAtMs);
    }
  };
  await Promise.all(Array.from({ length: callers }, caller));
  return tookMs;
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
