import type { ConsumeMessage, Options } from 'amqplib';
import { fromCloudEvent } from '../cloud-event.ts';
import type { OutgoingMessage } from '../transport.ts';

const CONTENT_TYPE = 'application/cloudevents+json';
const KEY = 'flotilla-key';
const ENQUEUED_AT_MS = 'flotilla-enqueued-at-ms';
const MAX_NAME_BYTES = 255;

/** CloudEvents in structured mode: the body is the event, the properties repeat what brokers and operators look at. */
export function publishOptions(message: OutgoingMessage, nowMs: number, userId: string): Options.Publish {
  const traceparent = traceparentOf(message.body);
  return {
    persistent: true,
    mandatory: message.mandatory,
    messageId: message.id,
    // The broker refuses a message in the name of anybody but the user of its connection.
    userId,
    type: message.type,
    timestamp: Math.floor(nowMs / 1_000),
    contentType: CONTENT_TYPE,
    headers: {
      [KEY]: message.key,
      [ENQUEUED_AT_MS]: nowMs,
      ...(traceparent !== undefined && { traceparent }),
    },
  };
}

/** Without parsing all of it: our envelopes have their attributes before the data. */
function traceparentOf(body: string): string | undefined {
  const attributes = body.slice(0, body.indexOf('"data":'));
  return /"traceparent":"(00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2})"/.exec(attributes)?.[1];
}

/** Why this message could not be written at all: the name of its exchange is its type. */
export function unwritable({ type }: OutgoingMessage): string | undefined {
  const bytes = Buffer.byteLength(type);
  if (bytes > 0 && bytes <= MAX_NAME_BYTES) return undefined;
  return `a type on RabbitMQ has 1 to ${MAX_NAME_BYTES} bytes, this one has ${bytes}`;
}

/** A delivery as it came. Whatever a foreign producer left out is guessed from the body, or empty. */
export function readDelivery({ content, properties, fields }: ConsumeMessage) {
  const body = content.toString('utf8');
  const headers: Record<string, unknown> = properties.headers ?? {};
  const type: unknown = properties.type;
  const id: unknown = properties.messageId;
  const sender: unknown = properties.userId;
  const count = headers['x-delivery-count'];
  return {
    body,
    type: typeof type === 'string' ? type : fields.exchange,
    key: keyOf(headers[KEY], body),
    sender: typeof sender === 'string' ? sender : '',
    messageId: typeof id === 'string' && id !== '' ? id : undefined,
    enqueuedAt: enqueuedAt(headers[ENQUEUED_AT_MS], properties.timestamp),
    /** How often the broker has taken it back from a consumer. Before that, the count is whatever its publisher wrote. */
    returns: fields.redelivered ? (typeof count === 'number' ? count : 1) : 0,
  };
}

/** Not given up in the queue of its shard, but routed past it. */
export function isStray({ fields }: Pick<ConsumeMessage, 'fields'>): boolean {
  return !fields.exchange.endsWith('.dlx');
}

/** Why a message is in the dead-letter queue. */
export function reasonOfDeath({ properties, fields }: ConsumeMessage): string {
  if (isStray({ fields })) return 'the queue of its shard was missing when it arrived';
  const reason: unknown = properties.headers?.['x-first-death-reason'];
  if (reason === 'delivery_limit') return 'the broker gave it up: it reached the delivery limit of its queue';
  return `the broker gave it up: ${typeof reason === 'string' ? reason : 'no reason was given'}`;
}

function keyOf(header: unknown, body: string): string {
  if (typeof header === 'string') return header;
  const event = fromCloudEvent(body);
  return event.ok ? event.value.key : '';
}

function enqueuedAt(header: unknown, timestampSeconds: unknown): Date {
  if (typeof header === 'number') return new Date(header);
  return new Date(typeof timestampSeconds === 'number' ? timestampSeconds * 1_000 : 0);
}
