import { backoffMs, type Clock, crashPoint, pause, toError } from '@flotilla/kernel';
import type { Database } from '@flotilla/postgres';
import { type Logger, type Metrics, newTrace, parseTraceparent, runInContext } from '@flotilla/telemetry';
import { describeError, isUnreachable, judgeFailure } from './failure.ts';
import type { HeldMessages } from './held-messages.ts';
import { giveUp, type Task, type Unusable } from './task.ts';

export interface SettlingOptions {
  readonly consumer: string;
  readonly db: Database;
  readonly held: HeldMessages;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly clock: Clock;
  /** Ends the waiting for a database that cannot be reached. */
  readonly closing: AbortSignal;
  /** A key becomes due after so long. */
  readonly onHeld: (delayMs: number) => void;
}

const OUTCOMES = ['handled', 'retry', 'aside', 'dead-letter', 'release'] as const;

export type Outcome = (typeof OUTCOMES)[number];

/** Records what becomes of messages that could not be handled. */
export interface Settling {
  /** Runs `work`, again while the database is away: that is no fault of the messages. Throws the loss when closing. */
  patiently<T>(work: () => Promise<T>): Promise<T>;
  /** It failed after `failures` earlier failures: it is held for another attempt, or given up. */
  settleFailure(task: Task, error: Error, failures: number, countedCrashes: number): Promise<void>;
  bury(unusable: Unusable, countedCrashes?: number): Promise<void>;
  count(outcome: Outcome, messages: number): void;
}

export function createSettling(options: SettlingOptions): Settling {
  const { consumer, db, held, logger, clock, closing } = options;
  const outcomes = options.metrics.counter(
    'messaging_settled_total',
    'Messages settled, by outcome.',
    ['consumer', 'outcome'],
    '{message}',
  );
  outcomes.startAtZero({ consumer: [consumer], outcome: OUTCOMES });
  const count = (outcome: Outcome, messages: number) => outcomes.inc({ consumer, outcome }, messages);

  async function patiently<T>(work: () => Promise<T>): Promise<T> {
    for (let round = 1; ; round += 1) {
      try {
        return await work();
      } catch (error) {
        if (closing.aborted || !(await isUnreachable(db, error))) throw error;
        logger.warn({ err: toError(error), round }, 'the database cannot be reached, messages wait');
        await pause(clock, backoffMs(round, 100, 2_000), closing);
      }
    }
  }

  async function store(unusable: Unusable, write: () => Promise<boolean>): Promise<void> {
    crashPoint('consumer.before-bury');
    const isDead = await patiently(write);
    crashPoint('consumer.after-bury');
    if (!isDead) return;
    count('dead-letter', 1);
    const { arrival, reason, inboxId: messageId } = unusable;
    const facts = { messageId, type: arrival.type, key: arrival.key, reason };
    inTrace(unusable.traceparent, () =>
      logger.error(facts, 'a message was given up, it is in the dead letters'),
    );
  }

  return {
    patiently,
    count,
    bury: (unusable, countedCrashes = 0) =>
      store(unusable, () => held.bury(unusable, undefined, countedCrashes)),
    settleFailure: async (task, error, failures, countedCrashes) => {
      const { arrival, inboxId, message } = task;
      const failure = {
        at: clock.now(),
        message: error.message,
        description: describeError(error),
        countedCrashes,
      };
      const verdict = judgeFailure(task, failures, error);
      if (verdict.kind === 'dead-letter') {
        const unusable = giveUp(task, verdict.reason);
        await store(unusable, () => held.bury(unusable, failure));
        options.onHeld(0);
        return;
      }
      crashPoint('consumer.before-hold');
      await patiently(() => held.fail(task, failure, verdict.delayMs));
      crashPoint('consumer.after-hold');
      count('retry', 1);
      const { type, key } = arrival;
      const facts = { messageId: inboxId, type, key, failures: failures + 1, err: error };
      inTrace(message.traceparent, () => logger.warn(facts, 'a handler failed, the message is tried again'));
      options.onHeld(verdict.delayMs);
    },
  };
}

function inTrace(traceparent: string | undefined, write: () => void): void {
  runInContext({ trace: parseTraceparent(traceparent) ?? newTrace() }, write);
}
