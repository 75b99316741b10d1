import { type Clock, crashPoint, toError } from '@flotilla/kernel';
import type { Database, Transaction } from '@flotilla/postgres';
import type { Logger } from '@flotilla/telemetry';
import { createClaimTimes } from '../bus/claim-times.ts';
import { isConnectionLoss } from './failure.ts';
import type { HeldMessage, HeldMessages } from './held-messages.ts';
import type { Settling } from './settling.ts';
import {
  type Decode,
  type Decoded,
  giveUp,
  isReadable,
  type Task,
  type Unknown,
  type Unusable,
} from './task.ts';

export interface HeldBatchesOptions {
  readonly db: Database;
  readonly held: HeldMessages;
  readonly settling: Settling;
  readonly decode: Decode;
  readonly runTask: (task: Task, tx: Transaction) => Promise<void>;
  readonly maxBatch: number;
  readonly pollIntervalMs: number;
  /** How long a message waits for a process that handles its type. */
  readonly unknownTypeWaitMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly closing: AbortSignal;
}

/** Held messages of one key that are due, in order. */
export interface Taken {
  readonly askedAt: number;
  readonly first: HeldMessage;
  readonly messages: readonly HeldMessage[];
}

export interface HeldBatches {
  /** As many as may go together now; `undefined` when nothing is due. */
  take(): Promise<Taken | undefined>;
  /** One, while nothing else is in work. */
  takeAlone(): Promise<Taken | undefined>;
  /** Handles them, holds them again or gives them up. */
  handle(taken: Taken): Promise<void>;
}

/** What becomes of messages that were taken. */
type Course =
  | { readonly kind: 'run'; readonly tasks: readonly Task[] }
  /** Nothing can be done with these; the others are taken again without them. */
  | { readonly kind: 'bury'; readonly unusable: readonly Unusable[]; readonly others: readonly Task[] }
  /** Of a type that is not handled here, and the first of its key: the key waits for another process. */
  | { readonly kind: 'wait'; readonly message: Unknown }
  /** One of such a type is among them: what comes before it is handled here, each alone from now on. */
  | { readonly kind: 'part' };

/** From asking for messages until the transaction that handles them has begun; after a crash their key waits for so long. */
const BEGIN_TIMES = { minMs: 1_000, maxMs: 60_000, margin: 4 };

/** Of another process, in which it may find a message before that is given up. */
const MIN_POLLS = 3;

export function createHeldBatches(options: HeldBatchesOptions): HeldBatches {
  const { db, held, settling, decode, maxBatch, clock, logger, closing } = options;
  const beginTimes = createClaimTimes(BEGIN_TIMES);
  // Down to one when a batch failed, so that the guilty one is found; up again as single ones succeed.
  let batchSize = maxBatch;

  async function take(maxMessages: number, alone: boolean): Promise<Taken | undefined> {
    const askedAt = clock.now().getTime();
    const messages = await held.takeDue(maxMessages, alone, beginTimes.claimMs());
    const [first] = messages;
    return first && { askedAt, first, messages };
  }

  async function handle(taken: Taken): Promise<void> {
    const { first, messages } = taken;
    crashPoint('consumer.after-take-due');
    const course = courseOf(first, messages.map(decodeOrGiveUp));
    const counted = first.suspect ? 1 : 0;
    switch (course.kind) {
      case 'run':
        return await run(course.tasks, taken, counted);
      case 'bury':
        for (const one of course.unusable) await settling.bury(one, counted);
        return await putBack(course.others.map(({ inboxId }) => inboxId));
      case 'wait':
        return await wait(course.message, first.suspect);
      case 'part':
        batchSize = 1;
        return await putBack(messages.map(({ inboxId }) => inboxId));
    }
  }

  function decodeOrGiveUp(message: HeldMessage): Decoded {
    const one = decode(message);
    const hasWaited = message.waitedMs !== null && message.waitedMs >= options.unknownTypeWaitMs;
    return 'unknownType' in one && hasWaited ? giveUp(one, one.reason) : one;
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

  async function run(tasks: readonly Task[], { first, askedAt }: Taken, counted: number): Promise<void> {
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

  return { take: () => take(batchSize, false), takeAlone: () => take(1, true), handle };
}

function courseOf(first: HeldMessage, decoded: readonly Decoded[]): Course {
  const tasks = decoded.filter((one) => 'work' in one);
  const unusable = decoded.filter((one): one is Unusable => !isReadable(one));
  const [head, ...others] = decoded;
  if (decoded.some((one) => 'unknownType' in one))
    return head && others.length === 0 && 'unknownType' in head
      ? { kind: 'wait', message: head }
      : { kind: 'part' };
  if (unusable.length > 0) return { kind: 'bury', unusable, others: tasks };
  const [only] = tasks;
  if (only && first.suspect && first.crashes >= only.maxCrashes) {
    const reason = `the process ended ${first.crashes} times while this message was in work`;
    return { kind: 'bury', unusable: [giveUp(only, reason)], others: [] };
  }
  return { kind: 'run', tasks };
}
