import { type Clock, crashPoint, type Lock, startLoop, toError } from '@flotilla/kernel';
import type { Database, Transaction } from '@flotilla/postgres';
import type { Logger } from '@flotilla/telemetry';
import { createClaimTimes } from '../bus/claim-times.ts';
import { isConnectionLoss } from './failure.ts';
import type { HeldMessage, HeldMessages } from './held-messages.ts';
import type { Settling } from './settling.ts';
import {
  giveUp,
  isReadable,
  type Task,
  type Understand,
  type Understood,
  type Unknown,
  type Unusable,
} from './task.ts';

export interface HeldRunnerOptions {
  readonly db: Database;
  readonly held: HeldMessages;
  readonly settling: Settling;
  readonly understand: Understand;
  readonly runTask: (task: Task, tx: Transaction) => Promise<void>;
  readonly lock: Lock;
  /** Keys in work at once. */
  readonly concurrency: number;
  readonly maxBatch: number;
  readonly pollIntervalMs: number;
  /** How long a message waits for a process that handles its type. */
  readonly unknownTypeWaitMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly closing: AbortSignal;
}

/** Handles held messages when their keys are due. Any number of processes share this work. */
export interface HeldRunner {
  wake(): void;
  /** Takes nothing new, waits for what runs. */
  stop(): Promise<void>;
}

interface Taken {
  readonly askedAt: number;
  readonly messages: readonly HeldMessage[];
}

/** From asking for messages until the transaction that handles them has begun; after a crash their key waits for so long. */
const BEGIN_TIMES = { minMs: 1_000, maxMs: 60_000, margin: 4 };

/** Then other messages have their turn. */
const MAX_SUSPECTS_IN_A_ROW = 50;

/** Of another process, in which it may find a message before that is given up. */
const MIN_POLLS = 3;

export function startHeldRunner(options: HeldRunnerOptions): HeldRunner {
  const { db, held, settling, understand, lock, concurrency, maxBatch, clock, logger, closing } = options;
  const running = new Set<Promise<void>>();
  // Down to one when a batch failed, so that the guilty one is found; up again as single ones succeed.
  let batchSize = maxBatch;
  const beginTimes = createClaimTimes(BEGIN_TIMES);

  async function take(maxMessages: number, alone: boolean): Promise<Taken> {
    const askedAt = clock.now().getTime();
    return { askedAt, messages: await held.takeDue(maxMessages, alone, beginTimes.claimMs()) };
  }

  async function takeAndStart(): Promise<boolean> {
    if (running.size >= concurrency) return false;
    const leave = await lock.shared();
    const taken = await take(batchSize, false).catch((error: unknown) => {
      leave();
      throw error;
    });
    const [first] = taken.messages;
    if (!first || first.suspect) leave();
    if (!first) return false;
    if (first.suspect) {
      await lock.exclusive(handleSuspects);
      return true;
    }
    const run = handle(taken)
      .catch((error: unknown) =>
        logger.error({ err: toError(error) }, 'held messages could not be settled, they stay held'),
      )
      .finally(() => {
        leave();
        running.delete(run);
        loop.wake();
      });
    running.add(run);
    return true;
  }

  /** One after the other, with nothing else in work. A vanished process leaves many, and most are innocent. */
  async function handleSuspects(): Promise<void> {
    for (let handled = 0; handled < MAX_SUSPECTS_IN_A_ROW && !closing.aborted; handled += 1) {
      const taken = await take(1, true);
      await handle(taken);
      if (!taken.messages[0]?.suspect) return;
    }
  }

  async function handle({ messages, askedAt }: Taken): Promise<void> {
    const [first] = messages;
    if (!first) return;
    crashPoint('consumer.after-take-due');
    const understood = messages.map(understandOrGiveUp);
    const unusable = understood.filter((one): one is Unusable => !isReadable(one));
    const unknown = understood.filter((one) => 'unknownType' in one);
    const tasks = understood.filter((one) => 'work' in one);
    const counted = first.suspect ? 1 : 0;
    const [only] = tasks;
    if (unknown.length > 0) await waitForOthers(understood, first.suspect);
    else if (unusable.length > 0) {
      for (const one of unusable) await settling.bury(one, counted);
      await putBack(tasks.map((task) => task.inboxId));
    } else if (only && first.suspect && first.crashes >= only.maxCrashes) {
      const reason = `the process ended ${first.crashes} times while this message was in work`;
      await settling.bury(giveUp(only, reason), counted);
    } else await run(tasks, first, { counted, askedAt });
  }

  function understandOrGiveUp(message: HeldMessage): Understood {
    const one = understand(message);
    const hasWaited = message.waitedMs !== null && message.waitedMs >= options.unknownTypeWaitMs;
    return 'unknownType' in one && hasWaited ? giveUp(one, one.reason) : one;
  }

  /** One of a type that is not handled here waits alone, so that what comes before it in its key is handled here. */
  async function waitForOthers(taken: readonly Understood[], wasSuspect: boolean): Promise<void> {
    const [first, ...others] = taken;
    if (first && others.length === 0 && 'unknownType' in first) return await wait(first, wasSuspect);
    batchSize = 1;
    await putBack(taken.map(({ inboxId }) => inboxId));
  }

  async function wait(message: Unknown, wasSuspect: boolean): Promise<void> {
    const how = { maxMs: options.unknownTypeWaitMs, minMs: MIN_POLLS * options.pollIntervalMs };
    crashPoint('consumer.before-wait');
    await settling.patiently(() => held.wait(message, wasSuspect, how));
    crashPoint('consumer.after-wait');
    const { arrival, inboxId: messageId, unknownType: type } = message;
    const facts = { messageId, type, key: arrival.key, maxMs: how.maxMs };
    logger.warn(facts, 'no handler here for its type: the message waits for a process that has one');
  }

  async function putBack(ids: readonly string[]): Promise<void> {
    if (ids.length > 0) await settling.patiently(() => held.putBack(ids, false, 0));
  }

  async function run(
    tasks: readonly Task[],
    first: HeldMessage,
    { counted, askedAt }: { readonly counted: number; readonly askedAt: number },
  ): Promise<void> {
    const begun = () => beginTimes.took(clock.now().getTime() - askedAt);
    const ids = tasks.map((task) => task.inboxId);
    try {
      const mine = await settling.patiently(() => commit(tasks, first.key, ids, begun));
      if (!mine && counted > 0) await settling.patiently(() => held.putBack(ids, true, 0));
      if (mine) settling.count('handled', tasks.length);
      batchSize = Math.min(maxBatch, batchSize * 2);
    } catch (error) {
      if (closing.aborted && isConnectionLoss(error)) throw error;
      batchSize = 1;
      const [only, ...others] = tasks;
      if (only && others.length === 0) {
        await settling.settleFailure(only, toError(error), first.failures, counted);
      } else await putBack(ids);
    }
  }

  /** `false` when another process has the key. */
  async function commit(
    tasks: readonly Task[],
    key: string,
    ids: readonly string[],
    begun: () => void,
  ): Promise<boolean> {
    const how = tasks.length > 1 ? { reruns: 0 } : {};
    const mine = await db.transaction(async (tx) => {
      const fresh = await held.resume(tx, key, ids);
      begun();
      if (!fresh) return false;
      for (const task of tasks) if (fresh.has(task.inboxId)) await options.runTask(task, tx);
      await held.finish(tx, key, ids);
      crashPoint('consumer.before-held-commit');
      return true;
    }, how);
    crashPoint('consumer.after-held-commit');
    return mine;
  }

  const loop = startLoop({
    name: 'held-messages',
    run: takeAndStart,
    intervalMs: options.pollIntervalMs,
    clock,
    logger,
  });

  return {
    wake: loop.wake,
    stop: async () => {
      await loop.stop();
      await Promise.all(running);
    },
  };
}
