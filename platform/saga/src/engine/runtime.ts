import { type Clock, type Loop, pause, systemClock, toError, uuidv7 } from '@flotilla/kernel';
import { sagaError } from '../errors.ts';
import { createDesk, type Desk } from '../operate/operator-loop.ts';
import type { ChangeDeps } from '../run/change.ts';
import type { SagaEngineOptions } from '../run/engine-options.ts';
import {
  type Definitions,
  type EngineSettings,
  indexDefinitions,
  readSettings,
} from '../run/engine-options.ts';
import { createLeases, type Leases } from '../run/leases.ts';
import { createPoller, type Poller } from '../run/poller.ts';
import { createSagaMetrics } from '../run/saga-metrics.ts';
import { createStepPlaces } from '../run/step-places.ts';
import { createWorkers, type Workers } from '../run/workers.ts';
import { type Instance, toInstance } from '../store/instance.ts';
import type { InstanceRow } from '../store/instances.ts';
import { keepHouse } from './housekeeping.ts';

/** Everything of an engine that lives while it runs. */
export interface Runtime {
  readonly definitions: Definitions;
  readonly settings: EngineSettings;
  /** Names this life of this process; what it leases carries this name. */
  readonly owner: string;
  /** Can an instance be worked on at once? */
  hasRoom(fairKey: string | undefined): boolean;
  /** Works on an instance that is leased to `owner` since `takenAt`. */
  accept(instance: Instance, takenAt: number): void;
  nudge(): void;
  /** A hint that an operator or a parked message waits. */
  nudgeDesk(): void;
  /** For changes from outside: replies, events, operators. */
  readonly changes: ChangeDeps;
  run(): void;
  close(): Promise<void>;
}

export function createRuntime(options: SagaEngineOptions): Runtime {
  const { db, logger, instanceId, clock = systemClock } = options;
  const settings = readSettings(options);
  const definitions = indexDefinitions(options.definitions);
  const metrics = createSagaMetrics(
    options.metrics,
    options.definitions.map(({ type, plan }) => ({ type, steps: plan.steps.map(({ name }) => name) })),
  );
  const owner = `${instanceId}#${uuidv7()}`;
  const { leaseMs } = settings;
  const closing = new AbortController();
  const leases = createLeases({ db, clock, logger, leaseMs });
  const changes: ChangeDeps = {
    ...settings,
    ...{ clock, logger, metrics, definitions, outbox: options.outbox },
    nudge: () => poller.nudge(),
  };
  const desk = createDesk({ ...changes, db, pollMs: settings.pollMs });
  const stepPlaces = createStepPlaces(options.definitions, () => poller.onFree());
  const workers = createWorkers({
    ...changes,
    ...{ db, leases, stepPlaces, concurrency: settings.concurrency },
    isClosing: () => closing.signal.aborted,
    onFree: () => poller.onFree(),
    onWait: (waitMs) => poller.nudgeIn(waitMs, closing.signal),
  });
  const accept = (instance: Instance, takenAt: number) =>
    workers.accept(instance, leases.hold(instance.id, instance.epoch, takenAt));
  const poller = createPoller({
    ...{ db, clock, logger, instanceId, pollMs: settings.pollMs, places: workers.places, stepPlaces },
    request: { known: definitions.known, owner, leaseMs },
    onClaimed: (row, takenAt) => {
      try {
        accept(readRow(definitions, row), takenAt);
      } catch (error) {
        // Left to its lease: whoever knows the right definition takes it when that has run out.
        logger.error({ err: toError(error), saga: row.id }, 'saga could not be read');
      }
    },
  });
  const life = createLife({ clock, settings, closing, leases, workers, poller, desk }, () =>
    keepHouse({ db, clock, logger, metrics, definitions, retentionMs: settings.retentionMs }),
  );
  const hasRoom = (fairKey: string | undefined) => life.isRunning() && workers.places.room(fairKey) > 0;
  const nudges = { nudge: poller.nudge, nudgeDesk: desk.nudge };
  return { definitions, settings, owner, hasRoom, accept, changes, ...nudges, ...life };
}

function readRow(definitions: Definitions, row: InstanceRow): Instance {
  const definition = definitions.find(row.type, row.def_version);
  if (definition === undefined) throw new TypeError(`claimed a saga of an unknown definition: ${row.type}`);
  return toInstance(row, definition, performance.now());
}

interface LifeDeps {
  readonly clock: Clock;
  readonly settings: EngineSettings;
  readonly closing: AbortController;
  readonly leases: Leases;
  readonly workers: Workers;
  readonly poller: Poller;
  readonly desk: Desk;
}

function createLife(
  { clock, settings, closing, leases, workers, poller, desk }: LifeDeps,
  keep: () => Loop,
): { run(): void; close(): Promise<void>; isRunning(): boolean } {
  let housekeeping: Loop | undefined;
  let leasing: Loop | undefined;
  return {
    isRunning: () => housekeeping !== undefined && !closing.signal.aborted,
    run: () => {
      if (housekeeping !== undefined) throw new TypeError('the saga engine runs already');
      leasing = leases.keep();
      housekeeping = keep();
      poller.start();
      desk.start(closing.signal);
    },
    close: async () => {
      closing.abort();
      await Promise.all([poller.stop(), desk.stop(), housekeeping?.stop()]);
      const drained = new AbortController();
      const drain = pause(clock, settings.drainMs, drained.signal).then(() => {
        if (!drained.signal.aborted)
          leases.interruptAll(sagaError('SAGA_ENGINE_CLOSED', 'the saga engine is closing'));
      });
      await workers.idle();
      drained.abort();
      await Promise.all([drain, leasing?.stop()]);
    },
  };
}
