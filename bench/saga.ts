import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { databaseUri } from '@flotilla/postgres';
import { sagaMigrations } from '@flotilla/saga';
import { type PostgresServer, startPostgresServer } from './postgres-server.ts';
import { cpuSecondsOfTree } from './processes.ts';
import { type Program, startProgram } from './program.ts';
import { createReport, type Figures } from './report.ts';
import type { Load, Outcome } from './saga/load.ts';
import { percentile } from './statistics.ts';

interface Contender {
  readonly name: string;
  readonly ours: boolean;
  readonly file: string;
  /** Makes a fresh database if it needs one, and says what the program needs to know. */
  prepare(server: PostgresServer, database: string, inFlight: number): Promise<object>;
}

const peers = join(import.meta.dirname, 'peers');

const contenders: readonly Contender[] = [
  {
    name: 'Flotilla',
    ours: true,
    file: join(import.meta.dirname, 'saga', 'our-sagas.ts'),
    prepare: async (server, database, inFlight) => ({
      uri: await server.database(database, [sagaMigrations]),
      concurrency: inFlight,
    }),
  },
  {
    name: 'DBOS',
    ours: false,
    file: join(peers, 'dbos-sagas.ts'),
    prepare: async (server, database) => {
      await server.sql('postgres', `CREATE DATABASE ${database} TEMPLATE template0`);
      return { uri: databaseUri(server.adminUri, database) };
    },
  },
  { name: 'Restate', ours: false, file: join(peers, 'restate-sagas.ts'), prepare: async () => ({}) },
];

/** A saga of three local steps: latency one after the other, throughput with many in flight, beside DBOS and Restate. */
export async function run(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: 'string', default: '3' },
      sequential: { type: 'string', default: '300' },
      sagas: { type: 'string', default: '3000' },
      'in-flight': { type: 'string', default: '64' },
      only: { type: 'string', default: '' },
      results: { type: 'string' },
      profile: { type: 'string' },
    },
  });
  const parallel: Load = { sagas: Number(values.sagas), inFlight: Number(values['in-flight']) };
  const sequential: Load = { sagas: Number(values.sequential), inFlight: 1 };
  const report = createReport('saga', new Date());
  const server = await startPostgresServer();
  try {
    for (let round = 1; round <= Number(values.rounds); round += 1) {
      for (const [index, contender] of contenders.entries()) {
        if (!contender.name.includes(values.only)) continue;
        const database = `sagas_${round}_${index}`;
        const settings = await contender.prepare(server, database, parallel.inFlight);
        const program = await startProgram(contender.file, { settings, profileFolder: values.profile });
        try {
          await program.ask('run', { sagas: 500, inFlight: 16 } satisfies Load); // warm up
          const unloaded = latency(await measure(program, server, sequential));
          report.add('one after the other', contender, unloaded);
          const loaded = throughput(await measure(program, server, parallel), parallel);
          report.add(`${parallel.inFlight} in flight`, contender, loaded);
          console.log(`round ${round}, ${contender.name}: ${JSON.stringify({ ...unloaded, ...loaded })}`);
        } finally {
          await program.stop();
          await server.drop([database]);
        }
      }
    }
  } finally {
    await server.stop();
  }
  report.print();
  if (values.results) await report.write(values.results);
}

interface Measured extends Outcome {
  /** CPU time of one saga: of the service with whatever server it brings, and of PostgreSQL. */
  readonly serviceUs: number;
  readonly postgresUs: number;
}

async function measure(program: Program, server: PostgresServer, load: Load): Promise<Measured> {
  await server.sql('postgres', 'CHECKPOINT');
  const read = () => [cpuSecondsOfTree(program.pid), cpuSecondsOfTree(server.pid)] as const;
  const before = read();
  const outcome = await program.ask<Outcome>('run', load);
  const [service, postgres] = read().map((seconds, n) => ((seconds - (before[n] ?? 0)) * 1e6) / load.sagas);
  return { ...outcome, serviceUs: service ?? Number.NaN, postgresUs: postgres ?? Number.NaN };
}

function latency({ latenciesMs }: Measured): Figures {
  const samples = [...latenciesMs];
  return { 'p50, ms': percentile(samples, 0.5), 'p99, ms': percentile(samples, 0.99) };
}

function throughput({ latenciesMs, elapsedMs, serviceUs, postgresUs }: Measured, { sagas }: Load): Figures {
  return {
    'sagas/s': (sagas * 1_000) / elapsedMs,
    'p99 in flight, ms': percentile([...latenciesMs], 0.99),
    'CPU a saga, µs': serviceUs + postgresUs,
    '  service, µs': serviceUs,
    '  PostgreSQL, µs': postgresUs,
  };
}
