import { type Clock, crashPoint, isPlatformError, toError } from '@flotilla/kernel';
import type { Database, Transaction } from '@flotilla/postgres';
import {
  type Logger,
  type Metrics,
  messagingProcessDuration,
  newTrace,
  parseTraceparent,
  type RecordSpan,
  runInContext,
  withSpan,
} from '@flotilla/telemetry';
import { backoffMs, spread } from './backoff.ts';
import { fromCloudEvent } from './cloud-event.ts';
import { bury, createUnderstanding, type Task, type UnderstandingOptions } from './delivery-task.ts';
import { whileHandling } from './handled-message.ts';
import { runWithDeadline } from './handler.ts';
import { rememberMessages } from './inbox.ts';
import { pause } from './loop.ts';
import type { Message } from './message.ts';
import type { Delivery, Settlement } from './transport.ts';

export interface ProcessorOptions extends UnderstandingOptions {
  readonly db: Database;
  readonly handlerTimeoutMs: number;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly recordSpan?: RecordSpan;
  /** Ends the waiting for a database that cannot be reached. */
  readonly closing: AbortSignal;
}

const ACK: Settlement = { kind: 'ack' };
const RELEASE: Settlement = { kind: 'release' };

/**
 * Makes deliveries into effects, each once. Several are tried in one transaction; when that fails each runs alone, so
 * that only the failing one is counted as failed.
 */
export function createMessageProcessor(options: ProcessorOptions) {
  const { consumer, db, retryDelaysMs, handlerTimeoutMs, logger, clock, closing } = options;
  const understand = createUnderstanding(options);
  const duration = messagingProcessDuration(options.metrics);
  const outcomes = options.metrics.counter('messaging_settled_total', 'Messages settled, by outcome.', [
    'consumer',
    'outcome',
  ]);

  async function runHandler(task: Task, tx: Transaction): Promise<void> {
    const { message } = task;
    const started = performance.now();
    const labels = { messaging_consumer_group_name: consumer, messaging_destination_name: message.type };
    try {
      crashPoint('consumer.before-handler');
      await inContextOf(message, () => runWithDeadline(task.work, tx, handlerTimeoutMs));
      duration.observe((performance.now() - started) / 1_000, { ...labels, error_type: '' });
    } catch (error) {
      duration.observe((performance.now() - started) / 1_000, { ...labels, error_type: codeOf(error) });
      throw error;
    }
  }

  function inContextOf(message: Message, work: () => Promise<void>): Promise<void> {
    const context = {
      trace: parseTraceparent(message.traceparent) ?? newTrace(),
      deadlineAt: performance.now() + handlerTimeoutMs,
      ...(message.correlationId !== undefined && { correlationId: message.correlationId }),
      ...(options.recordSpan && { recordSpan: options.recordSpan }),
    };
    const facts = { consumer, 'message.id': message.id };
    return runInContext(context, () =>
      whileHandling(message, () => withSpan(`process ${message.type}`, facts, work)),
    );
  }

  async function commitTogether(tasks: readonly Task[]): Promise<void> {
    await db.transaction(async (tx) => {
      const ids = tasks.map((task) => task.inboxId);
      const fresh = await rememberMessages(tx, consumer, ids);
      // `delete`: a message that is twice in one batch runs once.
      for (const task of tasks) if (fresh.delete(task.inboxId)) await runHandler(task, tx);
      crashPoint('consumer.before-commit');
    });
    crashPoint('consumer.after-commit');
  }

  /** Undefined when committed. Waits while the database is away: that is no fault of the messages. */
  async function attempt(tasks: readonly Task[]): Promise<Error | undefined> {
    for (let round = 1; ; round += 1) {
      try {
        await commitTogether(tasks);
        return undefined;
      } catch (error) {
        if (!(await isUnreachable(db, error))) return toError(error);
        logger.warn({ err: toError(error), round }, 'the database cannot be reached, messages wait');
        if (closing.aborted) return toError(error);
        await pause(clock, backoffMs(round, 100, 2_000), closing);
      }
    }
  }

  function settleFailure(task: Task, error: Error): Settlement {
    if (closing.aborted && isConnectionLoss(error)) return RELEASE;
    const failures = task.delivery.failures + 1;
    const facts = {
      messageId: task.message.id,
      type: task.message.type,
      key: task.message.key,
      failures,
      err: error,
    };
    const delayMs = retryDelaysMs[failures - 1];
    if (delayMs === undefined || isTerminal(error)) {
      const why = isTerminal(error) ? 'it cannot succeed' : `it failed ${failures} times`;
      return bury(`${why}: ${error.message}`, describe(error));
    }
    inLog(task.message, () => logger.warn(facts, 'a handler failed, the message is tried again'));
    return { kind: 'retry', delayMs: spread(delayMs), error: describe(error) };
  }

  async function runSingly(tasks: readonly Task[]): Promise<Map<Delivery, Settlement>> {
    const settled = new Map<Delivery, Settlement>();
    const stopped = new Set<string>();
    for (const task of tasks) {
      const { key } = task.delivery;
      if (stopped.has(key)) continue;
      const error = await attempt([task]);
      if (error) stopped.add(key);
      settled.set(task.delivery, error ? settleFailure(task, error) : ACK);
    }
    return settled;
  }

  function count(deliveries: readonly Delivery[], settlements: readonly Settlement[]): void {
    for (const [index, settlement] of settlements.entries()) {
      outcomes.inc({ consumer, outcome: settlement.kind });
      if (settlement.kind !== 'dead-letter') continue;
      const { type, key, body } = deliveries[index] ?? { type: '', key: '', body: '' };
      const parsed = fromCloudEvent(body);
      const facts = {
        type,
        key,
        reason: settlement.reason,
        ...(parsed.ok && { messageId: parsed.value.id }),
      };
      const write = () => logger.error(facts, 'a message was given up, it is in the dead letters');
      if (parsed.ok) inLog(parsed.value, write);
      else write();
    }
  }

  return async (deliveries: readonly Delivery[]): Promise<readonly Settlement[]> => {
    const settled = new Map<Delivery, Settlement>();
    const tasks: Task[] = [];
    const stopped = new Set<string>();
    for (const delivery of deliveries) {
      if (stopped.has(delivery.key)) continue;
      const understood = understand(delivery);
      if ('work' in understood) {
        tasks.push(understood);
      } else {
        settled.set(delivery, understood);
        stopped.add(delivery.key);
      }
    }
    const error = tasks.length === 0 ? undefined : await attempt(tasks);
    const [only] = tasks;
    if (!error) for (const task of tasks) settled.set(task.delivery, ACK);
    else if (tasks.length === 1 && only) settled.set(only.delivery, settleFailure(only, error));
    else for (const [delivery, settlement] of await runSingly(tasks)) settled.set(delivery, settlement);
    const settlements = deliveries.map((delivery) => settled.get(delivery) ?? RELEASE);
    count(deliveries, settlements);
    return settlements;
  };
}

function inLog(message: Message, write: () => void): void {
  runInContext({ trace: parseTraceparent(message.traceparent) ?? newTrace() }, write);
}

const MAX_ERROR_LENGTH = 4_000;

function describe(error: Error): string {
  const code = isPlatformError(error) ? `${error.code} ` : '';
  return `${code}${error.stack ?? error.message}`.slice(0, MAX_ERROR_LENGTH);
}

function codeOf(error: unknown): string {
  return isPlatformError(error) ? error.code : toError(error).name;
}

/** A defect known not to go away. What the database reports may depend on the moment, so it is tried again. */
function isTerminal(error: Error): boolean {
  return isPlatformError(error) && !error.retryable && !error.code.startsWith('POSTGRES_');
}

function isConnectionLoss(error: unknown): boolean {
  return (
    isPlatformError(error) &&
    (error.code === 'POSTGRES_UNAVAILABLE' || error.code === 'POSTGRES_POOL_EXHAUSTED')
  );
}

/** A connection may break because of the message too: only a database that does not answer at all is away. */
async function isUnreachable(db: Database, error: unknown): Promise<boolean> {
  if (!isConnectionLoss(error)) return false;
  try {
    await db.query('SELECT 1');
    return false;
  } catch (failed) {
    return isConnectionLoss(failed);
  }
}
