import type { Server } from 'node:http';
import { connectRegistry, startRegistry } from '@flotilla/discovery/registry';
import { systemClock } from '@flotilla/kernel';
import { hasEmbeddedPostgres } from '@flotilla/postgres/embedded';
import { attendantPrograms, attendantSettings } from '../attendants/attendants.ts';
import { connectControl } from '../control/client.ts';
import { createInjectedFaults } from '../control/injected-faults.ts';
import { claimSocket } from '../control/socket.ts';
import type { DataDir } from '../data-dir/data-dir.ts';
import { readMark } from '../data-dir/data-dir-mark.ts';
import { openSecrets, type Secrets } from '../data-dir/secrets.ts';
import { cliError } from '../errors.ts';
import type { UnitEvent } from '../processes/supervised-process.ts';
import { createSupervisor, type Supervisor } from '../processes/supervisor.ts';
import { createEmbeddedServer } from './launch-postgres.ts';
import { externalRegistry } from './preflight.ts';
import type { RunOptions, SystemParts } from './run-options.ts';
import { attendantEnvironment, registryTokens, serviceEnvironment } from './service-environment.ts';
import { startSystem } from './start-system.ts';
import { createSystemControl } from './system-control.ts';

export interface RunningSystem {
  readonly supervisor: Supervisor;
  /** Resolves when everything is ready or was given up. Rejects when what all need cannot start. */
  readonly started: Promise<void>;
  /** Stops everything that runs. */
  shutdown(): Promise<void>;
  /** Gives up the right to the data. */
  close(): Promise<void>;
}

const ENDED: readonly UnitEvent['type'][] = ['crashed', 'gave-up', 'stopped'];

/** Brings a whole system up. Fails with `CLI_ALREADY_RUNNING` when its data is in use. */
export async function runSystem(options: RunOptions): Promise<RunningSystem> {
  const { system, dataDir, externalAdminUri } = options;
  const external = externalRegistry(options.inherited);
  const embedded = createEmbeddedServer({ dataDir: dataDir.postgresData, logFile: dataDir.postgresLog });
  const parts: SystemParts = {
    adminUri: () => externalAdminUri ?? embedded.adminUri(),
    attendants: attendantPrograms(system, options.inherited),
  };
  const ending = new AbortController();

  const supervisor = createSupervisor({
    system,
    root: options.root,
    logFolder: dataDir.logs,
    silenceMs: options.silenceMs,
    attendants: parts.attendants,
    onEvent: (unit, event) => {
      // Its port is free again: nobody else's process may be taken for it until the TTL ends.
      if (ENDED.includes(event.type)) parts.registry?.deregister(unit.instance);
      if (event.type === 'ready') faults.tell(unit);
      options.onEvent(unit, event);
    },
    ...(externalAdminUri === undefined && { launchPostgres: embedded.launch }),
    environment: (service, instance) => environmentOf(options, parts, service, instance),
  });
  const faults = createInjectedFaults({
    isAllowed: options.demo,
    services: Object.keys(system.services),
    units: () => supervisor.units,
  });
  const control = createSystemControl(options, parts, { supervisor, faults });
  if (!(await claimSocket(control, dataDir.controlSocket))) {
    const pid = await connectControl(dataDir).pid();
    throw cliError('CLI_ALREADY_RUNNING', `it is already running in ${dataDir.path} (process ${pid})`);
  }
  const secrets = await openKept(dataDir).catch(async (error: unknown) => {
    await closeServer(control);
    throw error;
  });
  parts.secrets = secrets;
  const registry = external
    ? connectRegistry(external)
    : await startRegistry({ port: 0, tokens: registryTokens(system, secrets).all });
  parts.registry = registry;
  const deps = { parts, secrets, registry, externalRegistry: external, supervisor, signal: ending.signal };

  return {
    supervisor,
    started: startSystem(options, deps),
    shutdown: async () => {
      ending.abort();
      await supervisor.shutdown();
      await registry.close();
    },
    close: () => closeServer(control),
  };
}

function environmentOf(
  options: RunOptions,
  parts: SystemParts,
  service: string,
  instance: string,
): Record<string, string> {
  const { facts: known, secrets, attendants } = parts;
  if (!known || !secrets) throw new TypeError('services start after their databases');
  const facts = { ...known, adminUri: parts.adminUri() };
  if (service in attendants)
    return attendantEnvironment(
      facts,
      service,
      instance,
      attendantSettings({ ...options, secrets }, service),
    );
  const env = serviceEnvironment(facts, service, instance);
  const { crashTrace } = options;
  return crashTrace === undefined ? env : { ...env, FLOTILLA_CRASH_TRACE: crashTrace };
}

/** Secrets are saved before anything is made: where there are data and no secrets, these were lost. */
async function openKept(dataDir: DataDir): Promise<Secrets> {
  const secrets = await openSecrets(dataDir.secretsFile);
  if (!secrets.areNew) return secrets;
  const mark = await readMark(dataDir);
  if (mark?.servers.length === 0 && !(await hasEmbeddedPostgres(dataDir.postgresData))) return secrets;
  throw cliError(
    'CLI_SECRETS_LOST',
    `there are data of this system, but not ${dataDir.secretsFile}, whose secrets they are locked with: restore it from a backup, or begin afresh with \`flotilla down --reset\`. Nothing was changed`,
  );
}

/** The answer to `down` is on its way: it is let out, and idle connections are not waited for. */
async function closeServer(server: Server): Promise<void> {
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
    void systemClock.sleep(1_000).then(() => server.closeAllConnections());
  });
}
