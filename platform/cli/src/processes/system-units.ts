import { join } from 'node:path';
import { type Clock, systemClock } from '@flotilla/kernel';
import { POSTGRES, type SystemConfig } from '../config.ts';
import { cliError } from '../errors.ts';
import { openServiceLog } from '../logs/service-log.ts';
import { DEFAULT_SILENCE_MS } from '../silence.ts';
import { launchService } from './launch-service.ts';
import {
  createUnit,
  type Launched,
  type Unit,
  type UnitEvent,
  type UnitOptions,
} from './supervised-process.ts';

export interface SystemUnitsOptions {
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
  readonly clock?: Clock;
}

/** All processes of a system, and which of them need which. */
export interface SystemUnits {
  readonly all: readonly Unit[];
  /** None when an existing server is used. */
  readonly postgres: readonly Unit[];
  readonly services: readonly Unit[];
  readonly attendants: readonly Unit[];
  /** Throws `CLI_UNKNOWN_SERVICE`. */
  of(service: string): readonly Unit[];
  /** What they need is there: whatever waits for its next try, or was given up, is tried at once. */
  retryAllThatNeed(service: string): void;
}

export function createSystemUnits(
  options: SystemUnitsOptions,
  onEvent: (unit: Unit, event: UnitEvent) => void,
): SystemUnits {
  const { system, root, launchPostgres, clock = systemClock } = options;

  const needsOf = (service: string): readonly string[] => {
    const { database, needs = [] } = system.services[service] ?? {};
    return database && launchPostgres ? [POSTGRES, ...needs] : needs;
  };

  /** Since when each of what a service needs has had an instance that is ready; `undefined` while one has none. */
  function needsHeldSinceMs(service: string): number | undefined {
    let sinceMs = Number.NEGATIVE_INFINITY;
    for (const need of needsOf(service)) {
      const ready = of(need).flatMap((unit) => unit.readyAtMs() ?? []);
      if (ready.length === 0) return undefined;
      sinceMs = Math.max(sinceMs, Math.min(...ready));
    }
    return sinceMs;
  }

  function makeUnit(
    service: string,
    number: number,
    launch: (unit: { instance: string; log: Unit['log'] }) => UnitOptions['launch'],
  ): Unit {
    const instance = `${service}-${number}`;
    const log = openServiceLog(join(options.logFolder, `${instance}.log`));
    const unit: Unit = createUnit({
      ...{ service, instance, log, clock },
      launch: launch({ instance, log }),
      onEvent: (event) => onEvent(unit, event),
      needsHeldSinceMs: () => needsHeldSinceMs(service),
      isEssential: service === POSTGRES,
    });
    return unit;
  }

  function makeProcess(name: string, number: number, entry: string, silenceMs: number): Unit {
    return makeUnit(name, number, ({ instance, log }) => async (armed) => {
      const env = { ...options.environment(name, instance), ...armed };
      return launchService({ entry, cwd: root, env, log, silenceMs: options.silenceMs ?? silenceMs });
    });
  }

  const services = Object.entries(system.services).flatMap(
    ([name, { entry, replicas = 1, silenceMs = DEFAULT_SILENCE_MS }]) =>
      Array.from({ length: replicas }, (_, index) =>
        makeProcess(name, index + 1, join(root, entry), silenceMs),
      ),
  );
  const attendants = Object.entries(options.attendants ?? {}).map(([name, program]) =>
    makeProcess(name, 1, program, DEFAULT_SILENCE_MS),
  );
  const postgres = launchPostgres ? [makeUnit(POSTGRES, 1, () => launchPostgres)] : [];
  const all = [...postgres, ...services, ...attendants];

  function of(service: string): readonly Unit[] {
    const found = all.filter((unit) => unit.service === service);
    if (found.length > 0) return found;
    const known = [...new Set(all.map((unit) => unit.service))].join(', ');
    throw cliError('CLI_UNKNOWN_SERVICE', `there is no service ${service}; there are ${known}`);
  }

  return {
    ...{ all, postgres, services, attendants, of },
    retryAllThatNeed: (service) => {
      for (const unit of all) if (needsOf(unit.service).includes(service)) unit.retry();
    },
  };
}
