import { join } from 'node:path';
import { type Clock, systemClock } from '@flotilla/kernel';
import { POSTGRES, type SystemConfig } from '../config.ts';
import { cliError } from '../errors.ts';
import { openServiceLog } from '../logs/service-log.ts';
import { launchService } from './launch-service.ts';
import { DEFAULT_SILENCE_MS } from './silence.ts';
import {
  createUnit,
  type Launched,
  type Unit,
  type UnitEvent,
  type UnitOptions,
} from './supervised-process.ts';

export interface Supervisor {
  readonly units: readonly Unit[];
  unitsOf(service: string): readonly Unit[];
  /** Starts the units of these services, each as soon as what it needs is ready or was given up. */
  start(services: readonly string[], crashPoints: (service: string) => string): Promise<void>;
  startService(service: string, crashPoints?: string): Promise<void>;
  stopService(service: string): Promise<void>;
  /** Stops everything, a service before what it needs, PostgreSQL last. */
  shutdown(): Promise<void>;
  /** Ends the services at once, without draining. PostgreSQL ends with this process. */
  kill(): void;
}

export interface SupervisorOptions {
  readonly system: SystemConfig;
  readonly root: string;
  readonly logFolder: string;
  /** The whole environment of one process. */
  readonly environment: (service: string, instance: string) => Record<string, string>;
  /** Programs beside the services, by the names of their processes. Default: none. */
  readonly attendants?: Readonly<Record<string, string>>;
  /** Absent when an existing server is used. */
  readonly launchPostgres?: () => Promise<Launched>;
  /** Instead of the declared one, for all services. */
  readonly silenceMs?: number | undefined;
  readonly onEvent: (unit: Unit, event: UnitEvent) => void;
  readonly clock?: Clock;
}

export function createSupervisor(options: SupervisorOptions): Supervisor {
  const { system, root, onEvent, clock = systemClock } = options;
  const names = Object.keys(system.services);
  const attendants = Object.entries(options.attendants ?? {});

  const needsOf = (service: string): readonly string[] => {
    const { database, needs = [] } = system.services[service] ?? {};
    return database && options.launchPostgres ? [POSTGRES, ...needs] : needs;
  };

  /** Since when each of what a service needs has had an instance that is ready; `undefined` while one has none. */
  function needsHeldSinceMs(service: string): number | undefined {
    let sinceMs = Number.NEGATIVE_INFINITY;
    for (const need of needsOf(service)) {
      const ready = unitsOf(need).flatMap((unit) => unit.readyAtMs() ?? []);
      if (ready.length === 0) return undefined;
      sinceMs = Math.max(sinceMs, Math.min(...ready));
    }
    return sinceMs;
  }

  function onUnitEvent(unit: Unit, event: UnitEvent): void {
    onEvent(unit, event);
    if (event.type !== 'ready' || closing) return;
    for (const other of units) if (needsOf(other.service).includes(unit.service)) other.retry();
  }

  let closing = false;

  function makeUnit(
    service: string,
    number: number,
    launch: (unit: { instance: string; log: Unit['log'] }) => UnitOptions['launch'],
  ): Unit {
    const instance = `${service}-${number}`;
    const log = openServiceLog(join(options.logFolder, `${instance}.log`));
    const unit: Unit = createUnit({
      service,
      instance,
      log,
      clock,
      launch: launch({ instance, log }),
      onEvent: (event) => onUnitEvent(unit, event),
      needsHeldSinceMs: () => needsHeldSinceMs(service),
      isEssential: service === POSTGRES,
    });
    return unit;
  }

  function makeProcess(name: string, number: number, entry: string, silenceMs: number): Unit {
    return makeUnit(
      name,
      number,
      ({ instance, log }) =>
        async (armed) =>
          launchService({
            entry,
            cwd: root,
            env: { ...options.environment(name, instance), ...armed },
            log,
            silenceMs: options.silenceMs ?? silenceMs,
          }),
    );
  }

  const serviceUnits = names.flatMap((name) => {
    const { entry = '', replicas = 1, silenceMs = DEFAULT_SILENCE_MS } = system.services[name] ?? {};
    return Array.from({ length: replicas }, (_, index) =>
      makeProcess(name, index + 1, join(root, entry), silenceMs),
    );
  });
  const onlookers = attendants.map(([name, program]) => makeProcess(name, 1, program, DEFAULT_SILENCE_MS));
  const { launchPostgres } = options;
  const postgres = launchPostgres ? [makeUnit(POSTGRES, 1, () => launchPostgres)] : [];
  const units = [...postgres, ...serviceUnits, ...onlookers];

  function unitsOf(service: string): readonly Unit[] {
    const found = units.filter((unit) => unit.service === service);
    if (found.length > 0) return found;
    const known = [...new Set(units.map((unit) => unit.service))].join(', ');
    throw cliError('CLI_UNKNOWN_SERVICE', `there is no service ${service}; there are ${known}`);
  }

  const each = (service: string, act: (unit: Unit) => Promise<unknown>) =>
    Promise.all(unitsOf(service).map(act));

  return {
    units,
    unitsOf,
    start: (services, crashPoints) =>
      inOrder(
        services,
        (name) => system.services[name]?.needs ?? [],
        async (name) => {
          if (!closing) await each(name, (unit) => unit.start(crashPoints(name)));
        },
      ),
    startService: async (service, crashPoints) => {
      await each(service, (unit) => unit.start(crashPoints));
    },
    stopService: async (service) => {
      await each(service, (unit) => unit.stop());
    },
    shutdown: async () => {
      closing = true;
      const neededBy = (name: string) =>
        names.filter((other) => system.services[other]?.needs?.includes(name));
      await inOrder(names, neededBy, (name) => each(name, (unit) => unit.stop()));
      // What the services tell at their end is still heard.
      await Promise.all(onlookers.map((unit) => unit.stop()));
      for (const unit of postgres) await unit.stop();
      for (const unit of units) unit.log.close();
    },
    kill: () => {
      for (const unit of [...serviceUnits, ...onlookers]) unit.kill();
    },
  };
}

/** Runs each step once those before it are done; whatever is independent runs at the same time. */
export async function inOrder(
  names: readonly string[],
  before: (name: string) => readonly string[],
  step: (name: string) => Promise<unknown>,
): Promise<void> {
  const begun = new Map<string, Promise<unknown>>();
  const run = (name: string): Promise<unknown> => {
    const known = begun.get(name);
    if (known !== undefined) return known;
    const earlier = before(name).filter((other) => names.includes(other));
    const work = Promise.all(earlier.map(run)).then(() => step(name));
    begun.set(name, work);
    return work;
  };
  await Promise.all(names.map(run));
}
