import { crashPoint, toError } from '@flotilla/kernel';
import type { Database, Transaction } from '@flotilla/postgres';
import type { Logger } from '@flotilla/telemetry';
import { createBatchSize } from './batch-size.ts';
import { isConnectionLoss, isContention } from './failure.ts';
import { rememberMessages } from './inbox.ts';
import type { Settling } from './settling.ts';
import type { Arrival, Task } from './task.ts';

export interface TaskBatchesOptions {
  readonly consumer: string;
  readonly db: Database;
  readonly settling: Settling;
  readonly runTask: (task: Task, tx: Transaction) => Promise<void>;
  /** Tasks in one transaction at most. */
  readonly maxBatch: number;
  readonly logger: Logger;
  readonly closing: AbortSignal;
  /** Puts those aside that wait behind held messages; resolves with those of `tasks` that are still to be handled. */
  readonly setAside: (
    tasks: readonly Task[],
    waiting: readonly Task[],
    done: Set<Arrival>,
  ) => Promise<readonly Task[]>;
}

/** Carries out tasks in order; whatever has become of one, handled, held or given up, it is added to `done`. */
export type HandleTasks = (tasks: readonly Task[], done: Set<Arrival>) => Promise<void>;

/** Thrown to roll back a transaction in which nothing went wrong. */
const ROLLBACK = new Error('rolled back on purpose');

/**
 *     several together → committed                        all are done
 *                      → some wait behind held ones       these are set aside, the others are tried again
 *                      → failed                           each alone: the failing one is held, and counted as failed
 */
export function createTaskBatches(options: TaskBatchesOptions): HandleTasks {
  const { consumer, db, settling, runTask, closing, setAside } = options;
  const batchSize = createBatchSize(options.maxBatch);

  /** Handles them in one transaction. Returns those that must be set aside instead; then nothing was done. */
  async function commitTogether(tasks: readonly Task[]): Promise<readonly Task[]> {
    let aside: readonly Task[] = [];
    const work = async (tx: Transaction) => {
      const { fresh, waiting } = await rememberMessages(tx, consumer, tasks);
      aside = tasks.filter((task) => waiting.has(task.inboxId));
      if (aside.length > 0) throw ROLLBACK;
      // `delete`: a message that is twice in one batch runs once.
      for (const task of tasks) if (fresh.delete(task.inboxId)) await runTask(task, tx);
      crashPoint('consumer.before-commit');
    };
    // Several are not run again as they are: what they wait for is wanted by others that do the same.
    const how = tasks.length > 1 ? { reruns: 0 } : {};
    await db.transaction(work, how).catch((error: unknown) => {
      if (error !== ROLLBACK) throw error;
    });
    if (aside.length === 0) crashPoint('consumer.after-commit');
    return aside;
  }

  async function handleTogether(tasks: readonly Task[], done: Set<Arrival>): Promise<void> {
    let rest = tasks;
    while (rest.length > 0) {
      let waiting: readonly Task[];
      try {
        waiting = await settling.patiently(() => commitTogether(rest));
      } catch (error) {
        if (closing.aborted && isConnectionLoss(error)) throw error;
        await settleFailures(rest, toError(error), done);
        return;
      }
      if (waiting.length === 0) {
        batchSize.succeeded();
        settling.count('handled', rest.length);
        for (const task of rest) done.add(task.arrival);
        return;
      }
      rest = await setAside(rest, waiting, done);
    }
  }

  async function settleFailures(tasks: readonly Task[], error: Error, done: Set<Arrival>): Promise<void> {
    const [first, ...others] = tasks;
    if (first && others.length === 0) {
      await settling.settleFailure(first, error, 0, 0);
      done.add(first.arrival);
      return;
    }
    if (isContention(error)) shrink(tasks.length, error);
    for (const task of tasks) await handleTogether([task], done);
  }

  function shrink(messages: number, err: Error): void {
    batchSize.contended();
    options.logger.info(
      { messages, err },
      'messages wait for rows that others have locked, they get a transaction each for a while',
    );
  }

  return async (tasks, done) => {
    for (let next = 0; next < tasks.length; ) {
      const several = tasks.slice(next, next + batchSize.now());
      await handleTogether(several, done);
      next += several.length;
    }
  };
}
