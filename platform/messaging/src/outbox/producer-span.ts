import { childOf, currentContext, epochMs, formatTraceparent, spanRecorder } from '@flotilla/telemetry';
import { MESSAGING } from '../span-attributes.ts';

interface ProducerSpan {
  /** What the message carries; `undefined` outside of any context. */
  readonly traceparent: string | undefined;
  /** The message is in the transaction. */
  record(): void;
}

/**
 * The making of one message, which those who handle it refer to: a message that is made and handled shows as an edge. Without anybody who
 * wants spans the message continues the operation that publishes it.
 */
export function openProducerSpan(type: string, id: string): ProducerSpan {
  const context = currentContext();
  if (context === undefined) return { traceparent: undefined, record: () => undefined };
  const recordSpan = spanRecorder(context);
  if (recordSpan === undefined)
    return { traceparent: formatTraceparent(context.trace), record: () => undefined };
  const trace = childOf(context.trace);
  const start = performance.now();
  return {
    traceparent: formatTraceparent(trace),
    record: () =>
      recordSpan({
        name: `create ${type}`,
        kind: 'producer',
        trace,
        parentSpanId: context.trace.spanId,
        startedAtMs: epochMs(start),
        durationMs: performance.now() - start,
        attributes: {
          ...MESSAGING,
          'messaging.operation.name': 'publish',
          'messaging.operation.type': 'create',
          'messaging.destination.name': type,
          'messaging.message.id': id,
          'messaging.message.conversation_id': context.correlationId,
        },
      }),
  };
}
