import { type Clock, type Loop, type Rest, startLoop, toError } from '@flotilla/kernel';
import type { Database } from '@flotilla/postgres';
import { toFault } from '../errors.ts';
import type { ChangeDeps } from '../run/change.ts';
import { takeMessage } from '../run/take-message.ts';
import { findDeliverable, lockParked } from '../store/messages.ts';
import { settleOperation, takeOperation } from '../store/operations.ts';
import { migrateOld } from './migrate-old.ts';
import { operateSaga } from './operate.ts';

/** Carries out what operators ask for, and delivers parked messages whose saga has come. */
export interface Desk {
  /** Begins nothing more once the signal is aborted. */
  start(signal: AbortSignal): void;
  /** Resolves once what is being carried out has ended. */
  stop(): Promise<void>;
  nudge(): void;
}

export interface DeskDeps extends ChangeDeps {
  readonly db: Database;
  readonly clock: Clock;
  readonly pollMs: number;
}

const AT_ONCE = 100;

export function createDesk(deps: DeskDeps): Desk {
  const { clock, logger, pollMs } = deps;
  let loop: Loop | undefined;
  const refused = new Set<string>();
  async function look(signal: AbortSignal): Promise<boolean | Rest> {
    await migrateOld(deps, refused);
    if (!(await isAnythingOpen(deps.db))) return {};
    await runOperations(deps, signal);
    await deliverParked(deps, signal);
    return false;
  }

  return {
    start: (signal) => {
      loop = startLoop({
        ...{ name: 'saga-desk', run: () => look(signal), clock, logger },
        ...{ intervalMs: pollMs, restIntervalMs: 2 * pollMs }, // somebody waits for an answer
      });
    },
    stop: async () => await loop?.stop(),
    nudge: () => loop?.wake(),
  };
}

/** Planned each time: a plan made while the tables are empty would read all of them later. */
async function isAnythingOpen(db: Database): Promise<boolean> {
  const [row] = await db.query<{ open: boolean }>(
    `SELECT EXISTS (SELECT FROM saga_operation WHERE settled_at IS NULL)
       OR EXISTS (SELECT FROM saga_message WHERE state = 'parked') AS open`,
  );
  return row?.open === true;
}

async function runOperations(deps: DeskDeps, signal: AbortSignal): Promise<void> {
  const tried: string[] = [];
  while (!signal.aborted && (await runNext(deps, tried)));
}

/** Carries out the next operation and its audit in one transaction; `false` when there is none. */
async function runNext(deps: DeskDeps, tried: string[]): Promise<boolean> {
  const { db, logger } = deps;
  let id: string | undefined;
  try {
    return await db.transaction(async (tx) => {
      const operation = await takeOperation(tx, tried);
      if (operation === undefined) return false;
      id = operation.id;
      tried.push(id);
      const answer = await operateSaga(deps, tx, operation.sagaId, operation.order);
      // Another engine may know what this one does not; the operator stops waiting when none does.
      const isOthers = !answer.ok && answer.refusal.code === 'unknown-version';
      if (!isOthers) await settleOperation(tx, id, answer);
      return true;
    });
  } catch (error) {
    if (id === undefined) throw error;
    const { code, message } = toFault(error);
    logger.warn({ err: toError(error), operation: id }, 'an operation on a saga failed');
    await settleOperation(db, id, { ok: false, refusal: { code: 'failed', message: `${code}: ${message}` } });
    return true;
  }
}

async function deliverParked(deps: DeskDeps, signal: AbortSignal): Promise<void> {
  const { db, definitions, logger } = deps;
  for (const parked of await findDeliverable(db, definitions.known, AT_ONCE)) {
    if (signal.aborted) return;
    try {
      await db.transaction(async (tx) => {
        const delivery = await lockParked(tx, parked);
        if (delivery) await takeMessage(deps, tx, delivery, 'parked');
      });
    } catch (error) {
      logger.warn({ err: toError(error), ...parked }, 'a parked message could not be delivered');
    }
  }
}
