import { systemClock, toError, uuidv7 } from '@flotilla/kernel';
import type { Transaction } from '@flotilla/postgres';
import { logSpans } from '@flotilla/telemetry';
import { keepHouse, pollDue } from './background.ts';
import type { SagaDefinition } from './definition.ts';
import { indexDefinitions, readSettings, type SagaEngineOptions } from './engine-options.ts';
import { sagaError } from './errors.ts';
import { type Instance, toInstance } from './instance.ts';
import { createLeases } from './leases.ts';
import { type CancelAnswer, makeDue, type RetryAnswer, requestCancel } from './saga-commands.ts';
import { createSagaMetrics } from './saga-metrics.ts';
import { findSaga, listSagas, type SagaDetails, type SagaFilter, type SagaSummary } from './saga-queries.ts';
import type { InstanceRow } from './saga-store.ts';
import { type StartOptions, startSaga } from './start-saga.ts';
import type { Rejection } from './transition.ts';
import { createWakeUp, sleepUnless } from './wake-up.ts';
import { createWorkers } from './workers.ts';

export interface SagaEngine {
  /**
   * Starts a saga in the caller's transaction: it exists if and only if that commits, and this engine begins
   * with it at once. Returns its id. Throws `SAGA_ALREADY_STARTED` when the id or the correlation key is taken,
   * `TypeError` when the definition is not among this engine's.
   */
  start<Data extends object>(
    tx: Transaction,
    definition: SagaDefinition<Data>,
    options: StartOptions<Data>,
  ): Promise<string>;
  /**
   * Asks a saga to turn around. `requested`: it will be compensated, after the call in flight has ended;
   * `too-late`: the pivot was started; `ended`: there is nothing to cancel. Throws `SAGA_NOT_FOUND`.
   */
  cancel(tx: Transaction, id: string, reason: Rejection): Promise<CancelAnswer>;
  /** Begins to work on due instances, first of all those that an earlier life of this process left behind. */
  run(): void;
  /** A hint that something is due. */
  nudge(): void;
  /** Takes no further step, waits for calls in flight up to `drainMs`, then gives every instance back. */
  close(): Promise<void>;
  find(id: string): Promise<SagaDetails | undefined>;
  /** In the order of their ids. */
  list(filter?: SagaFilter): Promise<readonly SagaSummary[]>;
  /** Tries a waiting or stuck saga at once. Throws `SAGA_NOT_FOUND`. */
  retry(id: string): Promise<RetryAnswer>;
}

/** Runs sagas of the given definitions on the tables of `sagaMigrations`. Nothing runs before `run()`. */
export function createSagaEngine(options: SagaEngineOptions): SagaEngine {
  const { db, logger, instanceId, clock = systemClock, newId = uuidv7 } = options;
  const settings = readSettings(options);
  const definitions = indexDefinitions(options.definitions);
  const metrics = createSagaMetrics(options.metrics);
  const owner = `${instanceId}#${uuidv7()}`;
  const closing = new AbortController();
  const closed = new AbortController();
  const wakeUp = createWakeUp(clock);
  const leases = createLeases({ db, clock, logger, leaseMs: settings.leaseMs });
  const tasks: Promise<void>[] = [];
  let keeping: Promise<void> | undefined;

  const workers = createWorkers({
    ...settings,
    db,
    clock,
    logger,
    metrics,
    leases,
    recordSpan: logSpans(logger),
    isClosing: () => closing.signal.aborted,
    onFree: wakeUp.notify,
    onWait: (waitMs) => {
      if (waitMs < settings.pollMs) void sleepUnless(clock, waitMs, closing.signal).then(wakeUp.notify);
    },
  });

  function accept(instance: Instance, takenAt: number): void {
    workers.accept(instance, leases.hold(instance.id, instance.epoch, takenAt));
  }

  function acceptRow(row: InstanceRow, takenAt: number): void {
    const definition = definitions.find(row.type, row.def_version);
    if (definition === undefined) throw new TypeError(`claimed a saga of an unknown definition: ${row.type}`);
    try {
      accept(toInstance(row, definition, performance.now()), takenAt);
    } catch (error) {
      // Left to its lease: whoever knows the right definition takes it when that has run out.
      logger.error({ err: toError(error), saga: row.id }, 'saga could not be read');
    }
  }

  const startDeps = {
    definitions,
    newId,
    owner,
    leaseMs: settings.leaseMs,
    hasRoom: () => keeping !== undefined && !closing.signal.aborted && workers.free() > 0,
    onLeased: accept,
    onStarted: wakeUp.notify,
  };
  const poll = {
    db,
    logger,
    instanceId,
    request: { known: definitions.known, owner, leaseMs: settings.leaseMs },
    pollMs: settings.pollMs,
    wakeUp,
    free: workers.free,
    onClaimed: acceptRow,
  };
  const housekeeping = { db, clock, logger, metrics, definitions, retentionMs: settings.retentionMs };

  return {
    start: (tx, definition, start) => startSaga(startDeps, tx, definition, start),
    cancel: (tx, id, reason) => requestCancel(tx, id, reason, wakeUp.notify),
    run: () => {
      if (keeping !== undefined) throw new TypeError('the saga engine runs already');
      keeping = leases.keep(closed.signal);
      tasks.push(pollDue(poll, closing.signal), keepHouse(housekeeping, closing.signal));
    },
    nudge: wakeUp.notify,
    close: async () => {
      closing.abort();
      wakeUp.notify();
      await Promise.all(tasks);
      const drained = new AbortController();
      const overdue = sleepUnless(clock, settings.drainMs, drained.signal).then(() => {
        if (!drained.signal.aborted)
          leases.interruptAll(sagaError('SAGA_ENGINE_CLOSED', 'the saga engine is closing'));
      });
      await workers.idle();
      drained.abort();
      closed.abort();
      await Promise.all([overdue, keeping]);
    },
    find: (id) => findSaga(db, id),
    list: (filter = {}) => listSagas(db, filter),
    retry: async (id) => {
      const answer = await makeDue(db, id);
      wakeUp.notify();
      return answer;
    },
  };
}
