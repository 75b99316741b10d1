import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { eventStoreMigrations } from '@flotilla/event-store';
import type { Arrived } from './messaging/arrivals.ts';
import type { ClosedLoop, OpenLoop, Published } from './messaging/publishing.ts';
import { type PostgresServer, startPostgresServer } from './postgres-server.ts';
import { cpuSecondsOfTree } from './processes.ts';
import { type Program, startProgram } from './program.ts';
import { createReport, type Figures, type Report } from './report.ts';
import { percentile } from './statistics.ts';

interface Contender {
  readonly name: string;
  readonly ours: boolean;
  readonly file: string;
  prepare(server: PostgresServer, database: string): Promise<string>;
}

const programs = join(import.meta.dirname, 'event-store');

const eventStore: Contender = {
  name: 'event store',
  ours: true,
  file: join(programs, 'our-store.ts'),
  prepare: async (server, database) => {
    const uri = await server.database(database, [eventStoreMigrations]);
    await server.sql(
      database,
      `CREATE TABLE parcel_view (generation integer, stream_id text, last_n integer, PRIMARY KEY (generation, stream_id));
       SELECT create_projection('parcel_view', 1, is_inline => false, of_categories => '{parcel}');
       GRANT ALL ON parcel_view TO ${database}`,
    );
    return uri;
  },
};

const plainRows: Contender = {
  name: 'plain rows (the floor)',
  ours: false,
  file: join(programs, 'plain-rows.ts'),
  prepare: async (server, database) => {
    const uri = await server.database(database, []);
    await server.sql(
      database,
      `CREATE TABLE plain_event (position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, stream_id text, n integer,
         data jsonb);
       GRANT ALL ON plain_event TO ${database}`,
    );
    return uri;
  },
};

type Appends = Omit<ClosedLoop, 'from'>;

/** Appends of one event and of ten, by one writer and by many; the lag of a read model at a steady rate. */
export async function run(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: 'string', default: '3' },
      appends: { type: 'string', default: '5000' },
      rate: { type: 'string', default: '1000' },
      seconds: { type: 'string', default: '5' },
      results: { type: 'string' },
      profile: { type: 'string' },
    },
  });
  const count = Number(values.appends);
  const appends: Readonly<Record<string, Appends>> = {
    '1 writer, 1 event a transaction': { messages: count / 4, writers: 1, perTransaction: 1 },
    '16 writers, 1 event a transaction': { messages: count, writers: 16, perTransaction: 1 },
    '16 writers, 10 events a transaction': { messages: count * 4, writers: 16, perTransaction: 10 },
  };
  const steady: OpenLoop = { from: 0, perSecond: Number(values.rate), seconds: Number(values.seconds) };
  const report = createReport('event-store', new Date());
  const server = await startPostgresServer();
  try {
    for (let round = 1; round <= Number(values.rounds); round += 1) {
      for (const contender of [eventStore, plainRows]) {
        await withProgram({ server, contender, profileFolder: values.profile }, (program) =>
          measureAppends({ server, contender, report, program }, appends),
        );
      }
      await withProgram({ server, contender: eventStore, profileFolder: values.profile }, async (program) =>
        report.add(`read model at ${steady.perSecond} appends/s`, eventStore, await lag(program, steady)),
      );
      console.log(`round ${round} of ${values.rounds} done`);
    }
  } finally {
    await server.stop();
  }
  report.print();
  if (values.results) await report.write(values.results);
}

interface ProgramRun {
  readonly server: PostgresServer;
  readonly contender: Contender;
  readonly profileFolder: string | undefined;
}

async function withProgram(
  { server, contender, profileFolder }: ProgramRun,
  work: (program: Program) => Promise<void>,
): Promise<void> {
  const database = 'events';
  const uri = await contender.prepare(server, database);
  const program = await startProgram(contender.file, { settings: { uri }, profileFolder });
  try {
    await work(program);
  } finally {
    await program.stop();
    await server.drop([database]);
  }
}

interface Measuring {
  readonly server: PostgresServer;
  readonly contender: Contender;
  readonly report: Report;
  readonly program: Program;
}

async function measureAppends(
  { server, contender, report, program }: Measuring,
  appends: Readonly<Record<string, Appends>>,
): Promise<void> {
  let from = 0;
  await program.ask('closed-loop', { from, messages: 1_000, writers: 16, perTransaction: 1 }); // warm up
  from += 1_000;
  for (const [scenario, load] of Object.entries(appends)) {
    await server.sql('postgres', 'CHECKPOINT');
    const cpu = () => cpuSecondsOfTree(program.pid) + cpuSecondsOfTree(server.pid);
    const cpuBefore = cpu();
    const start = performance.now();
    const published = await program.ask<Published>('closed-loop', { from, ...load });
    const elapsedMs = performance.now() - start;
    const cpuUs = ((cpu() - cpuBefore) * 1e6) / load.messages;
    const latencies = Array.from(published.committedMs, (ms, n) => ms - (published.dueMs[n] ?? Number.NaN));
    report.add(scenario, contender, {
      'events/s': (load.messages * 1_000) / elapsedMs,
      'p50 of a transaction, ms': percentile(latencies, 0.5),
      'p99 of a transaction, ms': percentile(latencies, 0.99),
      'CPU an event, µs': cpuUs,
    });
    from += load.messages;
  }
}

/** From the commit of an event to the commit of the row that shows it. */
async function lag(program: Program, load: OpenLoop): Promise<Figures> {
  const messages = load.perSecond * load.seconds;
  await program.ask('begin');
  await program.ask('expect', { from: 0, messages: 1_000 });
  await program.ask('closed-loop', { from: 0, messages: 1_000, writers: 16, perTransaction: 1 }); // warm up
  await program.ask('arrived');
  await program.ask('expect', { from: 1_000, messages });
  const published = await program.ask<Published>('open-loop', { ...load, from: 1_000 });
  const { enteredMs } = await program.ask<Arrived>('arrived');
  const lags = Array.from(enteredMs, (ms, n) => ms - (published.committedMs[n] ?? Number.NaN));
  return {
    'lag p50, ms': percentile(lags, 0.5),
    'lag p99, ms': percentile(lags, 0.99),
    'lag max, ms': percentile(lags, 1),
  };
}
