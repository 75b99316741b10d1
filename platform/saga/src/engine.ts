import { uuidv7 } from '@flotilla/kernel';
import type { Transaction } from '@flotilla/postgres';
import type { SagaDefinition } from './definition.ts';
import type { SagaEngineOptions } from './engine-options.ts';
import { createRuntime } from './runtime.ts';
import { type CancelAnswer, makeDue, type RetryAnswer, requestCancel } from './saga-commands.ts';
import { findSaga, listSagas, type SagaDetails, type SagaFilter, type SagaSummary } from './saga-queries.ts';
import { type StartOptions, startSaga } from './start-saga.ts';
import type { Rejection } from './transition.ts';

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
  const { db, newId = uuidv7 } = options;
  const runtime = createRuntime(options);
  return {
    start: (tx, definition, start) => startSaga(runtime, newId, tx, definition, start),
    cancel: (tx, id, reason) => requestCancel(tx, id, reason, runtime.nudge),
    run: runtime.run,
    nudge: runtime.nudge,
    close: runtime.close,
    find: (id) => findSaga(db, id),
    list: (filter = {}) => listSagas(db, filter),
    retry: async (id) => {
      const answer = await makeDue(db, id);
      runtime.nudge();
      return answer;
    },
  };
}
