import type { Audit, ConsoleDeps, FaultRow } from '@flotilla/console';
import { eventStoreMigrations } from '@flotilla/event-store';
import { uuidv7 } from '@flotilla/kernel';
import {
  createDeadLetters,
  inboxMigrations,
  outboxMigrations,
  readOutboxStatistics,
} from '@flotilla/messaging';
import { createDatabase, type Database } from '@flotilla/postgres';
import { type Fault, formatFault } from '@flotilla/resilience';
import { openSagaDesk } from '@flotilla/saga/desk';
import { openReader, type TelemetryReader } from '@flotilla/telemetry-store';
import { adminAt } from '../../commands/route/admin-client.ts';
import type { SystemConfig } from '../../config.ts';
import { connectControl } from '../../control/client.ts';
import type { DataDir } from '../../data-dir/data-dir.ts';
import { listLogs, readRecent } from '../../logs/log-files.ts';
import { withQueues } from '../../queues/open-queues.ts';
import { telemetryFile } from '../attendants.ts';
import { seeIdentity } from './see-identity.ts';
import { seeProcesses, seeRegistry } from './see-processes.ts';

export interface ConsoleFacts {
  readonly root: string;
  readonly dataDir: DataDir;
  readonly system: SystemConfig;
  readonly operator: string;
  readonly audit: Audit;
}

/** What the console asks for, by the functions that are behind the command line. */
export function connectConsole(facts: ConsoleFacts): ConsoleDeps & { readonly close: () => Promise<void> } {
  const { root, dataDir, system } = facts;
  const control = connectControl(dataDir);
  const databases = openDatabases((service) => control.databaseUri(service, true));
  const telemetry = openTelemetry(telemetryFile(dataDir));
  const processes = seeProcesses(system, control);
  const identity = seeIdentity(system, control, root);
  const openInvariants = system.console?.invariants;
  return {
    system: topologyOf(system),
    records: system.console?.records ?? {},
    processes: () => control.instances(),
    change: (service, action) => control.change(service, action),
    recentLines: async (service, count) => {
      const files = (await listLogs(dataDir.logs)).filter((file) => file.service === service);
      return await readRecent(files, count);
    },
    queues: () =>
      withQueues({ cwd: root, env: {}, values: { 'data-dir': dataDir.path }, positionals: [] }, ({ list }) =>
        list(),
      ),
    withSagas: withTables(system, 'saga'),
    withOutboxes: withTables(system, outboxMigrations.name),
    withDeadLetters: withTables(system, inboxMigrations.name),
    withEvents: withTables(system, eventStoreMigrations.name),
    scrape: processes.scrape,
    slos: processes.slos,
    faults: {
      list: async () => faultRows(await control.faults()),
      add: async (edge, parts) => faultRows(await control.addFault(edge, parts)),
      clear: async (edge) => faultRows(await control.clearFaults(edge)),
    },
    registry: () => seeRegistry(control),
    gateways: async () =>
      (await control.gateways()).map((access) => ({
        name: access.instance,
        ...adminAt(access, facts.operator),
      })),
    ...(identity && { identity }),
    ...(openInvariants && {
      invariants: (moment: 'always' | 'at-rest') =>
        openInvariants((service) => control.databaseUri(service, true), moment),
    }),
    inDatabase: databases.work,
    sagaDesk: (db) => openSagaDesk(db, uuidv7),
    deadLetters: createDeadLetters,
    outbox: readOutboxStatistics,
    telemetry: telemetry.reader,
    operator: facts.operator,
    audit: facts.audit,
    now: Date.now,
    close: async () => {
      processes.close();
      telemetry.close();
      await databases.close();
    },
  };
}

function faultRows(faults: readonly Fault[]): readonly FaultRow[] {
  return faults.map((fault) => ({ from: fault.from, to: fault.to, text: formatFault(fault) }));
}

function topologyOf({ name, services }: SystemConfig): ConsoleDeps['system'] {
  return {
    name,
    nodes: Object.entries(services).map(([service, { database, bus = false }]) => ({
      ...{ name: service, database: database !== undefined, bus },
    })),
    calls: Object.entries(services).flatMap(([from, { calls = {} }]) =>
      Object.keys(calls).map((to) => [from, to] as const),
    ),
  };
}

function withTables({ services }: SystemConfig, migrations: string): readonly string[] {
  return Object.entries(services)
    .filter(([, { database }]) => database?.migrations.some(({ name }) => name === migrations))
    .map(([name]) => name);
}

/** A small pool for each database that is looked at. An address is asked for again when it has changed: a port may. */
function openDatabases(uriOf: (service: string) => Promise<string>) {
  const open = new Map<string, { readonly uri: string; readonly db: Database }>();
  return {
    work: async <T>(service: string, work: (db: Database) => Promise<T>): Promise<T> => {
      const uri = await uriOf(service);
      let known = open.get(service);
      if (known?.uri !== uri) {
        void known?.db.close();
        known = { uri, db: createDatabase({ uri, applicationName: 'flotilla-console', maxConnections: 2 }) };
        open.set(service, known);
      }
      return await work(known.db);
    },
    close: async () => {
      await Promise.all([...open.values()].map(({ db }) => db.close()));
    },
  };
}

/** The file may come later, or be begun afresh: it is opened when it is asked for, and again after a failure. */
function openTelemetry(file: string) {
  let reader: TelemetryReader | undefined;
  return {
    reader: (): TelemetryReader | undefined => {
      try {
        reader ??= openReader(file);
      } catch {
        reader = undefined; // there is none yet
      }
      return reader;
    },
    close: () => reader?.close(),
  };
}
