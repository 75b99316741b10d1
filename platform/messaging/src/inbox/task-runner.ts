import { crashPoint } from '@flotilla/kernel';
import { allowIdle, type Transaction } from '@flotilla/postgres';
import {
  type Metrics,
  messagingProcessDuration,
  newTrace,
  parseTraceparent,
  type RecordSpan,
  runInContext,
  withSpan,
} from '@flotilla/telemetry';
import { whileHandling } from '../handled-message.ts';
import { codeOf } from './failure.ts';
import { runWithDeadline } from './handler.ts';
import type { Task } from './task.ts';

export interface TaskRunnerOptions {
  readonly consumer: string;
  readonly metrics: Metrics;
  readonly recordSpan?: RecordSpan;
}

const IDLE_MARGIN_MS = 5_000;

/** Runs the handler of a task in a transaction, in the context of its message, measured. */
export function createTaskRunner({ consumer, metrics, recordSpan }: TaskRunnerOptions) {
  const duration = messagingProcessDuration(metrics);

  function inContextOf({ message, timeoutMs }: Task, work: () => Promise<void>): Promise<void> {
    const context = {
      trace: parseTraceparent(message.traceparent) ?? newTrace(),
      deadlineAt: performance.now() + timeoutMs,
      ...(message.correlationId !== undefined && { correlationId: message.correlationId }),
      ...(recordSpan && { recordSpan }),
    };
    const facts = { consumer, 'message.id': message.id };
    return runInContext(context, () =>
      whileHandling(message, () => withSpan(`process ${message.type}`, facts, work)),
    );
  }

  return async (task: Task, tx: Transaction): Promise<void> => {
    const started = performance.now();
    const labels = {
      messaging_consumer_group_name: consumer,
      messaging_destination_name: task.message.type,
    };
    const observe = (error_type: string) =>
      duration.observe((performance.now() - started) / 1_000, { ...labels, error_type });
    try {
      crashPoint('consumer.before-handler');
      // Until the handler's own limit, which comes first.
      await allowIdle(tx, task.timeoutMs + IDLE_MARGIN_MS);
      await inContextOf(task, () => runWithDeadline(task.work, tx, task.timeoutMs));
      observe('');
    } catch (error) {
      observe(codeOf(error));
      throw error;
    }
  };
}
