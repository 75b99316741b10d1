import { createDocumentSchemas, type Schema } from '@flotilla/kernel';
import type { MessageType } from './message.ts';

/** What a document needs of a message type, whatever its data. */
export type DescribedMessage = Pick<MessageType<unknown>, 'type' | 'schema' | 'description' | 'mandatory'>;

export interface AsyncApiOptions {
  readonly title: string;
  readonly version: string;
  readonly messages: readonly DescribedMessage[];
}

/**
 * The AsyncAPI 3.0 document of some message types, ready for JSON: what foreign consumers get from the bus. The
 * bindings are those of RabbitMQ; the other bus is a database that nobody else reads.
 */
export function describeMessages({ title, version, messages }: AsyncApiOptions): object {
  const schemas = createDocumentSchemas('#/components/schemas');
  const described = messages.map((message) => [
    message.type,
    cloudEvent(message, schemas.toRead(message.schema)),
  ]);
  return {
    asyncapi: '3.0.0',
    info: { title, version, description: ABOUT },
    defaultContentType: CONTENT_TYPE,
    channels: Object.fromEntries(messages.map((message) => [message.type, channel(message)])),
    operations: Object.fromEntries(messages.map((message) => [message.type, operation(message)])),
    components: { messages: Object.fromEntries(described), schemas: schemas.all() },
  };
}

/** The JSON Schema (2020-12) of a message's data, for a reader: open, and complete by itself. */
export function messageDataSchema({ type, schema, description }: DescribedMessage, id: string): object {
  const schemas = createDocumentSchemas('#/$defs');
  const root = commented(schemas.toRead(schema)) as object;
  const definitions = Object.entries(schemas.all()).map(([name, held]) => [name, commented(held)]);
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $id: id,
    title: type,
    description,
    ...root,
    ...(definitions.length > 0 && { $defs: Object.fromEntries(definitions) }),
  };
}

const CONTENT_TYPE = 'application/cloudevents+json';
const ABOUT =
  'Events are CloudEvents 1.0 in structured mode. Each type has a durable topic exchange of its name: bind a queue of ' +
  'your own to it with the routing key `#`. Messages of one `partitionkey` are published in order; one may come twice, ' +
  'with the same `id`. Later versions may add properties: ignore those you do not know.';

function channel({ type, description, mandatory }: DescribedMessage): object {
  return {
    address: `${mandatory === true ? 'command' : 'event'}.{shard}`,
    title: type,
    description,
    parameters: { shard: { description: 'Two digits, made of the key. Consumers bind `#` for all.' } },
    messages: { event: { $ref: `#/components/messages/${type}` } },
    bindings: {
      amqp: {
        is: 'routingKey',
        exchange: { name: type, type: 'topic', durable: true, autoDelete: false },
        bindingVersion: '0.3.0',
      },
    },
  };
}

function operation({ type, description }: DescribedMessage): object {
  return {
    action: 'send',
    summary: description,
    channel: { $ref: `#/channels/${type}` },
    messages: [{ $ref: `#/channels/${type}/messages/event` }],
    bindings: { amqp: { deliveryMode: 2, bindingVersion: '0.3.0' } },
  };
}

const text = { type: 'string' };

function cloudEvent({ type, description }: DescribedMessage, data: unknown): object {
  return {
    name: type,
    title: type,
    summary: description,
    contentType: CONTENT_TYPE,
    correlationId: { location: '$message.payload#/correlationid' },
    payload: {
      type: 'object',
      properties: {
        specversion: { type: 'string', const: '1.0' },
        id: { ...text, description: 'The same when the message comes again.' },
        type: { type: 'string', const: type },
        source: { ...text, format: 'uri-reference', description: 'The service that published it.' },
        time: { ...text, format: 'date-time' },
        datacontenttype: { type: 'string', const: 'application/json' },
        partitionkey: { ...text, description: 'What has its messages in order.' },
        traceparent: { ...text, description: 'W3C trace context.' },
        correlationid: text,
        causationid: { ...text, description: 'The message or command that caused this one.' },
        data,
      },
      required: ['specversion', 'id', 'type', 'source', 'time', 'datacontenttype', 'partitionkey', 'data'],
    },
  };
}

/** `x-pii` as a standard keyword: strict readers of JSON Schema stop at those they do not know. */
function commented(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(commented);
  if (typeof value !== 'object' || value === null) return value;
  const { 'x-pii': isPersonal, ...schema } = value as Schema<unknown>;
  const held = Object.entries(schema).map(([key, part]) => [key, commented(part)] as const);
  return { ...Object.fromEntries(held), ...(isPersonal === true && { $comment: 'Personal data.' }) };
}
