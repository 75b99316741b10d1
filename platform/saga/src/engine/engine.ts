import { uuidv7 } from '@flotilla/kernel';
import type { Handler } from '@flotilla/messaging';
import type { Transaction } from '@flotilla/postgres';
import type { Rejection } from '../decide/state.ts';
import type { SagaDefinition } from '../define/definition.ts';
import { type CancelAnswer, requestCancel } from '../operate/commands.ts';
import { listParked, type SagaMessageRecord } from '../operate/history.ts';
import { operateSaga } from '../operate/operate.ts';
import {
  findSaga,
  listSagas,
  type SagaDetails,
  type SagaFilter,
  type SagaSummary,
} from '../operate/queries.ts';
import { checkOutbox, type SagaEngineOptions } from '../run/engine-options.ts';
import { messageHandlers } from '../run/message-handlers.ts';
import type { OperateAnswer, SagaOrder } from '../store/order.ts';
import { createRuntime } from './runtime.ts';
import { type StartOptions, startSaga } from './start-saga.ts';

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
  /**
   * One handler for each message type that a definition awaits, for the service's consumer. The reply, the saga and the
   * next commands are one transaction with the inbox.
   */
  handlers(): readonly Handler[];
  /**
   * Changes a saga by hand, and keeps in its audit who did what and why. Rejects when a hook does; then nothing has
   * changed.
   */
  operate(id: string, order: SagaOrder): Promise<OperateAnswer>;
  /** Replies and events that wait for their saga, the oldest 100. */
  parked(): Promise<readonly SagaMessageRecord[]>;
}

/** Runs sagas of the given definitions on the tables of `sagaMigrations`. Nothing runs before `run()`. */
export function createSagaEngine(options: SagaEngineOptions): SagaEngine {
  const { db, newId = uuidv7, outbox, definitions } = options;
  checkOutbox(options);
  const runtime = createRuntime(options);
  return {
    start: (tx, definition, start) => startSaga({ runtime, newId, outbox }, tx, definition, start),
    cancel: (tx, id, reason) => requestCancel(tx, id, reason, runtime.nudge),
    run: runtime.run,
    nudge: () => {
      runtime.nudge();
      runtime.nudgeDesk();
    },
    close: runtime.close,
    find: (id) => findSaga(db, id),
    list: (filter = {}) => listSagas(db, filter),
    handlers: () => messageHandlers(runtime.changes, definitions),
    operate: (id, order) => db.transaction((tx) => operateSaga(runtime.changes, tx, id, order)),
    parked: () => listParked(db, 100),
  };
}
