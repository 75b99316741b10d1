import { parseArgs } from 'node:util';
import { type Backlog, type Contender, type ContenderRun, withContender } from './messaging/contender.ts';
import { flotillaOnPostgres, flotillaOnRabbitmq } from './messaging/flotilla.ts';
import {
  type Cpu,
  measureDrain,
  measureHead,
  measureLatency,
  measureRate,
  warmUp,
} from './messaging/measure.ts';
import { pgBoss } from './messaging/pg-boss.ts';
import { plainAmqplib } from './messaging/plain-amqplib.ts';
import { startPostgresServer } from './postgres-server.ts';
import { type Broker, useBroker } from './rabbitmq.ts';
import { createReport, type Figures, type Report } from './report.ts';

interface Options {
  readonly rounds: number;
  readonly messages: number;
  readonly seconds: number;
  readonly perSecond: number;
  readonly backlog: number;
}

interface Scenario {
  readonly name: string;
  readonly contenders: readonly Contender[];
  measure(run: ContenderRun): Promise<Figures>;
}

/** Business row → outbox → bus → inbox and effect: rate, latency, latency with a backlog, beside pg-boss and amqplib. */
export async function run(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string', default: '' },
      contender: { type: 'string', default: '' },
      rounds: { type: 'string', default: '3' },
      messages: { type: 'string', default: '20000' },
      seconds: { type: 'string', default: '5' },
      rate: { type: 'string', default: '1000' },
      backlog: { type: 'string', default: '100000' },
      rabbitmq: { type: 'string' },
      results: { type: 'string' },
      profile: { type: 'string' },
    },
  });
  const options: Options = {
    rounds: Number(values.rounds),
    messages: Number(values.messages),
    seconds: Number(values.seconds),
    perSecond: Number(values.rate),
    backlog: Number(values.backlog),
  };
  const report = createReport('messaging', new Date());
  const broker = values.rabbitmq === undefined ? undefined : await useBroker(values.rabbitmq);
  const chosen = [...scenarios(options), ...(broker ? scenariosOver(broker, options) : [])].filter(
    ({ name }) => name.includes(values.only),
  );
  const among = chosen.map((scenario) => ({
    ...scenario,
    contenders: scenario.contenders.filter(({ name }) => name.includes(values.contender)),
  }));
  await play(among, options.rounds, values.profile, report);
  report.print();
  if (values.results) await report.write(values.results);
}

/** In each round every contender runs once: ours, theirs, ours, theirs, … */
async function play(
  chosen: readonly Scenario[],
  rounds: number,
  profileFolder: string | undefined,
  report: Report,
): Promise<void> {
  const server = await startPostgresServer();
  let started = 0;
  try {
    for (const scenario of chosen) {
      for (let round = 1; round <= rounds; round += 1) {
        for (const contender of scenario.contenders) {
          started += 1;
          const figures = await scenario.measure({ contender, server, round: started, profileFolder });
          console.log(`${scenario.name}, ${contender.name}: ${JSON.stringify(figures)}`);
          report.add(scenario.name, contender, figures);
        }
      }
    }
  } finally {
    await server.stop();
  }
}

function scenarios({ messages, seconds, perSecond, backlog }: Options): readonly Scenario[] {
  const forRate = [flotillaOnPostgres, pgBoss('pg-boss', { fifo: false, notify: false })];
  const forLatency = [flotillaOnPostgres, pgBoss('pg-boss', { fifo: false, notify: true })];
  const latency = (behind: Backlog) => ({
    contenders: forLatency,
    measure: (run: ContenderRun) => latencyWith(run, behind, backlog, { perSecond, seconds }),
  });
  const rate = (perTransaction: number) => ({
    contenders: forRate,
    measure: (run: ContenderRun) => sustained(run, messages, perTransaction),
  });
  const head = (rows: number) => ({
    contenders: forRate,
    measure: (run: ContenderRun) => headOfQueue(run, messages, rows),
  });
  return [
    { name: 'sustained, 1 message a transaction', ...rate(1) },
    { name: 'sustained, 10 messages a transaction', ...rate(10) },
    { name: 'drain of committed messages', contenders: forRate, measure: (run) => drain(run, messages) },
    { name: `the first ${messages} of a queue of ${messages * 1.25}`, ...head(messages * 1.25) },
    { name: `the first ${messages} of a queue of ${backlog}`, ...head(backlog) },
    { name: `latency at ${perSecond}/s`, ...latency('none') },
    { name: `latency at ${perSecond}/s, ${backlog} rows in another queue`, ...latency('other-queue') },
    {
      name: `latency at ${perSecond}/s, ${backlog} rows of this queue waiting for a retry`,
      ...latency('same-queue-waiting'),
    },
  ];
}

function scenariosOver(broker: Broker, { messages, seconds, perSecond }: Options): readonly Scenario[] {
  const contenders = [flotillaOnRabbitmq(broker), plainAmqplib(broker)];
  return [
    {
      name: 'RabbitMQ, sustained, 1 message a transaction',
      contenders,
      measure: (run) => sustained(run, messages, 1),
    },
    {
      name: `RabbitMQ, latency at ${perSecond}/s`,
      contenders,
      measure: (run) => latencyWith(run, 'none', 0, { perSecond, seconds }),
    },
  ];
}

function sustained(run: ContenderRun, messages: number, perTransaction: number): Promise<Figures> {
  return withContender(run, async (pair) => {
    const from = await warmUp(pair);
    const load = { from, messages, writers: 16, perTransaction };
    const { perSecond, cpu } = await measureRate(pair, { postgresPid: run.server.pid, ...load });
    await checkEffects(run, pair.prepared.effectDatabase, from + messages);
    return { 'messages/s': perSecond, ...cpuFigures(cpu) };
  });
}

function drain(run: ContenderRun, messages: number): Promise<Figures> {
  return withContender(run, async (pair) => {
    const load = { from: 0, messages, postgresPid: run.server.pid };
    const { perSecond, cpu } = await measureDrain(pair, load);
    await checkEffects(run, pair.prepared.effectDatabase, messages);
    return { 'messages/s': perSecond, ...cpuFigures(cpu) };
  });
}

function headOfQueue(run: ContenderRun, messages: number, rows: number): Promise<Figures> {
  return withContender(run, async (pair) => {
    const { perSecond, cpu } = await measureHead(pair, { postgresPid: run.server.pid, messages, rows });
    return { 'messages/s': perSecond, ...cpuFigures(cpu) };
  });
}

function latencyWith(
  run: ContenderRun,
  behind: Backlog,
  rows: number,
  load: { readonly perSecond: number; readonly seconds: number },
): Promise<Figures> {
  return withContender(run, async (pair) => {
    const from = await warmUp(pair);
    if (behind !== 'none') await pair.prepared.fill?.(behind, rows);
    await run.server.sql('postgres', 'CHECKPOINT');
    const measured = await measureLatency(pair, { postgresPid: run.server.pid, from, ...load });
    await checkEffects(run, pair.prepared.effectDatabase, from + load.perSecond * load.seconds);
    const { p50Ms, p99Ms, maxMs, fromDueP99Ms, cpu } = measured;
    return {
      'p50, ms': p50Ms,
      'p99, ms': p99Ms,
      'max, ms': maxMs,
      'p99 from due, ms': fromDueP99Ms,
      ...cpuFigures(cpu),
    };
  });
}

/** A figure counts only if every message had its one effect. */
async function checkEffects(
  { server, contender }: ContenderRun,
  database: string,
  expected: number,
): Promise<void> {
  const [found] = await server.sql(database, 'SELECT count(*)::int AS effects FROM effect');
  if (found?.['effects'] !== expected)
    throw new Error(`${contender.name}: ${found?.['effects']} effects of ${expected} messages`);
}

function cpuFigures({ publisherUs, subscriberUs, postgresUs, brokerUs, totalUs }: Cpu): Figures {
  return {
    'CPU a message, µs': totalUs,
    '  publisher, µs': publisherUs,
    '  subscriber, µs': subscriberUs,
    '  PostgreSQL, µs': postgresUs,
    ...(brokerUs > 0 && { '  broker, µs': brokerUs }),
  };
}
