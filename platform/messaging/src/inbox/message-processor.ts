import { backoffMs, type Clock, crashPoint, type Lock, pause, toError } from '@flotilla/kernel';
import type { Database, Transaction } from '@flotilla/postgres';
import type { Logger } from '@flotilla/telemetry';
import type { Delivery, Settlement } from '../transport.ts';
import { createBatchSize } from './batch-size.ts';
import { isConnectionLoss, isContention } from './failure.ts';
import type { HeldMessages, SetAsideOptions } from './held-messages.ts';
import { rememberMessages } from './inbox.ts';
import type { Settling } from './settling.ts';
import { type Arrival, giveUp, isReadable, type Task, type Understand, type Unknown } from './task.ts';

export interface ProcessorOptions {
  readonly consumer: string;
  readonly db: Database;
  readonly held: HeldMessages;
  readonly settling: Settling;
  readonly understand: Understand;
  readonly runTask: (task: Task, tx: Transaction) => Promise<void>;
  readonly lock: Lock;
  /** Messages in one transaction at most. */
  readonly maxBatch: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly closing: AbortSignal;
  /** Something was set aside that is due now. */
  readonly onDue: () => void;
}

/** Thrown to roll back a transaction in which nothing went wrong. */
const ROLLBACK = new Error('rolled back on purpose');

/**
 * Makes deliveries into effects, each once. Several are tried in one transaction; when that fails each runs alone, so
 * that only the failing one is counted as failed. What fails, may have ended a process, has a type that is not handled
 * here, or waits behind such a message goes to the held messages.
 */
export function createMessageProcessor(options: ProcessorOptions) {
  const { consumer, db, held, settling, understand, runTask, lock, clock, logger, closing } = options;
  const batchSize = createBatchSize(options.maxBatch);
  let troubles = 0;

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

  async function handleTasks(tasks: readonly Task[], done: Set<Arrival>): Promise<void> {
    for (let next = 0; next < tasks.length; ) {
      const several = tasks.slice(next, next + batchSize.now());
      await handleTogether(several, done);
      next += several.length;
    }
  }

  async function handleTogether(tasks: readonly Task[], done: Set<Arrival>): Promise<void> {
    let rest = tasks;
    while (rest.length > 0) {
      let aside: readonly Task[];
      try {
        aside = await settling.patiently(() => commitTogether(rest));
      } catch (error) {
        if (closing.aborted && isConnectionLoss(error)) throw error;
        await settleFailures(rest, toError(error), done);
        return;
      }
      if (aside.length === 0) {
        batchSize.succeeded();
        settling.count('handled', rest.length);
        for (const task of rest) done.add(task.arrival);
        return;
      }
      rest = await setAside(rest, aside, { starts: false }, done);
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
    const facts = { messages, err };
    logger.info(
      facts,
      'messages wait for rows that others have locked, they get a transaction each for a while',
    );
  }

  /** Returns those of `tasks` that are still to be handled: a key may have been let go meanwhile. */
  async function setAside(
    tasks: readonly Task[],
    aside: readonly (Task | Unknown)[],
    how: SetAsideOptions,
    done: Set<Arrival>,
  ): Promise<readonly Task[]> {
    if (aside.length === 0) return tasks;
    crashPoint('consumer.before-set-aside');
    const settled = await settling.patiently(() => held.setAside(aside, how));
    crashPoint('consumer.after-set-aside');
    const gone = new Set(aside.filter(({ inboxId }) => settled.has(inboxId)));
    settling.count('aside', gone.size);
    for (const { arrival } of gone) done.add(arrival);
    if (how.starts) options.onDue();
    return tasks.filter((task) => !gone.has(task));
  }

  /** Those that somebody can work on; the others are given up. */
  async function readAll(
    deliveries: readonly Delivery[],
    done: Set<Arrival>,
  ): Promise<readonly (Task | Unknown)[]> {
    const readable: (Task | Unknown)[] = [];
    for (const delivery of deliveries) {
      const understood = understand(delivery);
      if (!isReadable(understood)) await settling.bury(understood);
      else if (delivery.givenUp !== undefined) await settling.bury(giveUp(understood, delivery.givenUp));
      else {
        readable.push(understood);
        continue;
      }
      done.add(delivery);
    }
    return readable;
  }

  async function handleAll(deliveries: readonly Delivery[], done: Set<Arrival>): Promise<void> {
    const readable = await readAll(deliveries, done);
    const suspects = new Set<Arrival>(deliveries.filter(({ suspect }) => suspect));
    const notNow = readable.filter((one) => suspects.has(one.arrival) || 'unknownType' in one);
    // With such a one goes everything of its key, else what comes before it in the batch would be behind it then.
    const keys = new Set(notNow.map(({ arrival }) => arrival.key));
    const aside = readable.filter(({ arrival }) => keys.has(arrival.key));
    const tasks = readable.filter((one) => 'work' in one);
    await handleTasks(await setAside(tasks, aside, { starts: true, suspects }, done), done);
  }

  return async (deliveries: readonly Delivery[]): Promise<readonly Settlement[]> => {
    const done = new Set<Arrival>();
    const leave = await lock.shared();
    try {
      await handleAll(deliveries, done);
      troubles = 0;
    } catch (error) {
      troubles += 1;
      if (!closing.aborted || !isConnectionLoss(error)) {
        logger.error({ err: toError(error) }, 'messages could not be settled, they are handed out again');
        await pause(clock, backoffMs(troubles, 100, 5_000), closing);
      }
    } finally {
      leave();
    }
    settling.count('release', deliveries.length - done.size);
    return deliveries.map((delivery) => (done.has(delivery) ? 'done' : 'release'));
  };
}
