import { crashPoint } from '@flotilla/kernel';
import { type Deadline, type Transaction, withDeadline } from '@flotilla/postgres';
import {
  type Metrics,
  messagingProcessDuration,
  parseTraceparent,
  withIncomingSpan,
} from '@flotilla/telemetry';
import { messagingError } from '../errors.ts';
import { whileHandling } from '../handled-message.ts';
import { MESSAGING } from '../span-attributes.ts';
import { codeOf } from './failure.ts';
import type { Task } from './task.ts';

export interface TaskRunnerOptions {
  readonly consumer: string;
  readonly metrics: Metrics;
}

function deadlineOf({ timeoutMs }: Task): Deadline {
  const reason = () =>
    messagingError('MESSAGING_HANDLER_TIMEOUT', `the handler was not done after ${timeoutMs} ms`);
  return { timeoutMs, reason };
}

/** Runs the handler of a task in a transaction, in the context of its message, measured. */
export function createTaskRunner({ consumer, metrics }: TaskRunnerOptions) {
  const duration = messagingProcessDuration(metrics);

  /** In the trace of whoever sent the message: one id finds all of a process. The link says that nobody waits for it. */
  function inContextOf({ message, timeoutMs }: Task, work: () => Promise<void>): Promise<void> {
    const caller = parseTraceparent(message.traceparent);
    const span = {
      name: `process ${message.type}`,
      kind: 'consumer',
      caller,
      ...(caller && { links: [{ traceId: caller.traceId, spanId: caller.spanId }] }),
      context: {
        deadlineAt: performance.now() + timeoutMs,
        ...(message.correlationId !== undefined && { correlationId: message.correlationId }),
      },
      attributes: {
        ...MESSAGING,
        'messaging.operation.name': 'process',
        'messaging.operation.type': 'process',
        'messaging.destination.name': message.type,
        'messaging.consumer.group.name': consumer,
        'messaging.message.id': message.id,
        'messaging.message.conversation_id': message.correlationId,
      },
    } as const;
    return withIncomingSpan(span, () => whileHandling(message, work));
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
      await withDeadline(tx, deadlineOf(task), () => inContextOf(task, () => task.work(tx)));
      observe('');
    } catch (error) {
      observe(codeOf(error));
      throw error;
    }
  };
}
