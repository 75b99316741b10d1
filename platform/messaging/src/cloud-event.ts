import { accept, isRecord, isUuid, type Result, reject, uuidv5 } from '@flotilla/kernel';
import type { Message } from './message.ts';

/** The longest message on the wire, in bytes of UTF-8. Larger things belong in a store, with a reference here. */
export const MAX_MESSAGE_BYTES = 256 * 1024;

/** The longest key, in characters. */
export const MAX_KEY_LENGTH = 200;

const FOREIGN_IDS = '6f1d7c52-7a0b-5b8e-9c0d-3f5e2a1b4c6d';

/** The wire form: CloudEvents 1.0, JSON event format. */
export function toCloudEvent(message: Message): string {
  const { key, correlationId, causationId, traceparent, data, ...rest } = message;
  return JSON.stringify({
    specversion: '1.0',
    ...rest,
    datacontenttype: 'application/json',
    partitionkey: key,
    traceparent,
    correlationid: correlationId,
    causationid: causationId,
    data,
  });
}

/** Reads the wire form; says in words what is wrong with it. The data itself is not validated here. */
export function fromCloudEvent(body: string): Result<Message, string> {
  const event = parseObject(body);
  if (event === undefined) return reject('the body is not a JSON object');
  if (event['specversion'] !== '1.0') return reject('it is not a CloudEvent of version 1.0');
  const contentType = event['datacontenttype'];
  if (contentType !== undefined && !isJson(contentType)) {
    return reject(`its data is ${JSON.stringify(contentType).slice(0, 100)}, not JSON`);
  }
  const missing = ['id', 'type', 'source'].find((name) => !isText(event[name]));
  if (missing !== undefined) return reject(`the attribute "${missing}" is missing or not a text`);
  const optional = { traceparent: 'traceparent', correlationId: 'correlationid', causationId: 'causationid' };
  const extensions = Object.entries(optional).flatMap(([name, attribute]) =>
    isText(event[attribute]) ? [[name, event[attribute]]] : [],
  );
  return accept({
    id: String(event['id']),
    type: String(event['type']),
    source: String(event['source']),
    time: isText(event['time']) ? event['time'] : '',
    key: isText(event['partitionkey']) ? event['partitionkey'] : String(event['id']),
    data: event['data'],
    ...Object.fromEntries(extensions),
  });
}

/** What the inbox remembers. Our ids are UUIDs; a foreign id is unique only together with its source. */
export function inboxId(message: Message): string {
  return isUuid(message.id)
    ? message.id.toLowerCase()
    : uuidv5(`${message.source}\n${message.id}`, FOREIGN_IDS);
}

function parseObject(body: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(body);
    return isRecord(value) ? { ...value } : undefined;
  } catch {
    // Whatever the parser did not like: a body that cannot be read must not be handed out for ever.
    return undefined;
  }
}

function isJson(contentType: unknown): boolean {
  return typeof contentType === 'string' && /^application\/([\w.+-]+\+)?json\s*(;|$)/i.test(contentType);
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}
