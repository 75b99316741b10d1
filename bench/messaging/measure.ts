import { cpuSecondsOfTree } from '../processes.ts';
import { percentile } from '../statistics.ts';
import type { Arrived } from './arrivals.ts';
import type { Pair } from './contender.ts';
import type { ClosedLoop, OpenLoop, Published } from './publishing.ts';

/** CPU time of one message in microseconds, by process. */
export interface Cpu {
  readonly publisherUs: number;
  readonly subscriberUs: number;
  readonly postgresUs: number;
  readonly brokerUs: number;
  readonly totalUs: number;
}

export interface RateRun {
  readonly perSecond: number;
  readonly cpu: Cpu;
}

export interface LatencyRun {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** From the moment at which its transaction was due to begin, whatever delayed that. */
  readonly fromDueP99Ms: number;
  readonly cpu: Cpu;
}

export interface Load {
  readonly postgresPid: number;
  /** Number of the first message. */
  readonly from: number;
}

const WARM_UP = 2_000;

/** Publisher and subscriber at work; code, plans and pages are warm. Returns the number of the next message. */
export async function warmUp({ publisher, subscriber }: Pair): Promise<number> {
  await subscriber.ask('begin');
  await publisher.ask('begin');
  await subscriber.ask('expect', { from: 0, messages: WARM_UP });
  await publisher.ask('closed-loop', { from: 0, messages: WARM_UP, writers: 16, perTransaction: 1 });
  await subscriber.ask('arrived');
  return WARM_UP;
}

/** From the first commit to the last effect, writers at full speed. */
export async function measureRate(
  pair: Pair,
  { postgresPid, ...load }: Load & Omit<ClosedLoop, 'from'>,
): Promise<RateRun> {
  const { publisher, subscriber } = pair;
  await subscriber.ask('expect', load);
  const cpu = cpuSince(pair, postgresPid);
  const published = publisher.ask<Published>('closed-loop', load);
  const arrived = await subscriber.ask<Arrived>('arrived');
  const used = cpu(load.messages);
  const { committedMs } = await published;
  const firstCommitMs = committedMs.reduce((least, ms) => Math.min(least, ms), Number.POSITIVE_INFINITY);
  return { perSecond: (load.messages * 1_000) / (arrived.lastEffectMs - firstCommitMs), cpu: used };
}

/** What is committed already is brought to its effects; publishing takes no part of the machine. */
export async function measureDrain(
  { publisher, subscriber, ...pair }: Pair,
  { postgresPid, from, messages }: Load & { readonly messages: number },
): Promise<RateRun> {
  await publisher.ask('closed-loop', { from, messages, writers: 16, perTransaction: 100 });
  await subscriber.ask('expect', { from, messages });
  const cpu = cpuSince({ publisher, subscriber, ...pair }, postgresPid);
  const start = performance.now();
  await subscriber.ask('begin');
  await publisher.ask('begin');
  await subscriber.ask('arrived');
  return { perSecond: (messages * 1_000) / (performance.now() - start), cpu: cpu(messages) };
}

/** The first messages of a queue that holds many more. */
export async function measureHead(
  pair: Pair,
  { postgresPid, rows, messages }: Omit<Load, 'from'> & { readonly rows: number; readonly messages: number },
): Promise<RateRun> {
  const { subscriber, prepared } = pair;
  await prepared.fill?.('ready', rows);
  await subscriber.ask('expect', { from: 0, messages: rows, enough: messages });
  const cpu = cpuSince(pair, postgresPid);
  const start = performance.now();
  await subscriber.ask('begin');
  await subscriber.ask('arrived');
  return { perSecond: (messages * 1_000) / (performance.now() - start), cpu: cpu(messages) };
}

/** From the commit of a message to the entry of its handler, at a given rate. */
export async function measureLatency(
  pair: Pair,
  { postgresPid, ...load }: Load & Omit<OpenLoop, 'from'>,
): Promise<LatencyRun> {
  const { publisher, subscriber } = pair;
  const messages = load.perSecond * load.seconds;
  await subscriber.ask('expect', { from: load.from, messages });
  const cpu = cpuSince(pair, postgresPid);
  const published = await publisher.ask<Published>('open-loop', load);
  const { enteredMs } = await subscriber.ask<Arrived>('arrived');
  const used = cpu(messages);
  const since = (begin: Float64Array) => Array.from(enteredMs, (ms, n) => ms - (begin[n] ?? Number.NaN));
  const latencies = since(published.committedMs);
  return {
    p50Ms: percentile(latencies, 0.5),
    p99Ms: percentile(latencies, 0.99),
    maxMs: percentile(latencies, 1),
    fromDueP99Ms: percentile(since(published.dueMs), 0.99),
    cpu: used,
  };
}

function cpuSince({ publisher, subscriber, prepared }: Pair, postgresPid: number): (messages: number) => Cpu {
  const pids = [publisher.pid, subscriber.pid, postgresPid, prepared.brokerPid] as const;
  const read = () => pids.map((pid) => (pid === undefined ? 0 : cpuSecondsOfTree(pid)));
  const before = read();
  return (messages) => {
    const used = read().map((seconds, n) => ((seconds - (before[n] ?? 0)) * 1e6) / messages);
    const [publisherUs = 0, subscriberUs = 0, postgresUs = 0, brokerUs = 0] = used;
    const totalUs = publisherUs + subscriberUs + postgresUs + brokerUs;
    return { publisherUs, subscriberUs, postgresUs, brokerUs, totalUs };
  };
}
