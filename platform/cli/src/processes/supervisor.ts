import type { Unit, UnitEvent } from './supervised-process.ts';
import { createSystemUnits, type SystemUnitsOptions } from './system-units.ts';

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

export interface SupervisorOptions extends SystemUnitsOptions {
  readonly onEvent: (unit: Unit, event: UnitEvent) => void;
}

export function createSupervisor(options: SupervisorOptions): Supervisor {
  const { system, onEvent } = options;
  const names = Object.keys(system.services);

  const units = createSystemUnits(options, (unit, event) => {
    onEvent(unit, event);
    if (event.type === 'ready' && !closing) units.retryAllThatNeed(unit.service);
  });
  let closing = false;

  const each = (service: string, act: (unit: Unit) => Promise<unknown>) =>
    Promise.all(units.of(service).map(act));

  return {
    units: units.all,
    unitsOf: units.of,
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
      await Promise.all(units.attendants.map((unit) => unit.stop()));
      for (const unit of units.postgres) await unit.stop();
      for (const unit of units.all) unit.log.close();
    },
    kill: () => {
      for (const unit of [...units.services, ...units.attendants]) unit.kill();
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
