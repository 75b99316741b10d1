import { accept, type Result, reject, toError, uuidv5 } from '@flotilla/kernel';
import type { Transaction } from '@flotilla/postgres';
import { fromCloudEvent, inboxId, MAX_KEY_LENGTH, MAX_MESSAGE_BYTES } from '../cloud-event.ts';
import type { MessagingErrorCode } from '../errors.ts';
import type { Message } from '../message.ts';
import type { Handler } from './handler.ts';

/** A message as it came, from a transport or out of the held ones. */
export interface Arrival {
  readonly type: string;
  readonly key: string;
  readonly body: string;
  readonly enqueuedAt: Date;
  /** As a transport knows it. What was held has been compared with it when it came. */
  readonly sender?: string;
}

/** An arrival that was decoded: what it says, and the handler bound to it. */
export interface Task {
  readonly arrival: Arrival;
  readonly message: Message;
  readonly inboxId: string;
  readonly work: (tx: Transaction) => Promise<void>;
  readonly retryDelaysMs: readonly number[];
  readonly maxCrashes: number;
  readonly timeoutMs: number;
}

/** An arrival that nothing can be done with. */
export interface Unusable {
  readonly arrival: Arrival;
  readonly inboxId: string;
  readonly reason: string;
  readonly traceparent?: string;
}

/** An arrival of a type that this process does not handle. Another version of the service may. */
export interface Unknown extends Unusable {
  readonly unknownType: string;
}

export type Decoded = Task | Unknown | Unusable;

/** Somebody can work on it: this process, or another one of the consumer. */
export function isReadable(one: Decoded): one is Task | Unknown {
  return 'work' in one || 'unknownType' in one;
}

export type Decode = (arrival: Arrival) => Decoded;

/** It could be worked on, here or elsewhere, but is given up. */
export function giveUp(readable: Task | Unknown, reason: string): Unusable {
  const { arrival, inboxId } = readable;
  const { traceparent } = 'message' in readable ? readable.message : readable;
  return { arrival, inboxId, reason, ...(traceparent !== undefined && { traceparent }) };
}

export interface DecoderOptions {
  readonly consumer: string;
  readonly handlers: ReadonlyMap<string, Handler>;
  /** For handlers that do not say otherwise. */
  readonly retryDelaysMs: readonly number[];
  readonly maxCrashes: number;
  readonly handlerTimeoutMs: number;
}

// What cannot be read has no id of its own: the same bytes are the same message.
const UNREADABLE = '0a1f3c2e-5d64-5b77-8f19-2c9be4a7d310';

/** Reads arrivals. What cannot be worked on says why. */
export function createDecoder(options: DecoderOptions): Decode {
  return (arrival) => {
    const parsed = read(arrival);
    if (!parsed.ok) {
      const id = uuidv5(`${arrival.type}\n${arrival.key}\n${arrival.body}`, UNREADABLE);
      return { arrival, inboxId: id, reason: `malformed: ${parsed.rejection}` };
    }
    const message = parsed.value;
    const known = { arrival, inboxId: inboxId(message) };
    const trace = message.traceparent === undefined ? {} : { traceparent: message.traceparent };
    const handler = options.handlers.get(message.type);
    const refused = refusalOf(arrival, message, handler);
    if (refused !== undefined) return { ...known, ...trace, reason: refused };
    if (!handler) {
      return {
        ...known,
        ...trace,
        unknownType: message.type,
        reason: describeUnknown(message.type, options),
      };
    }
    const bound = bind(message, handler);
    if (!bound.ok) return { ...known, ...trace, reason: bound.rejection };
    return {
      ...known,
      message,
      work: bound.value,
      retryDelaysMs: handler.retry?.delaysMs ?? options.retryDelaysMs,
      maxCrashes: handler.retry?.maxCrashes ?? options.maxCrashes,
      timeoutMs: handler.timeoutMs ?? options.handlerTimeoutMs,
    };
  };
}

const SOURCE_REFUSED: MessagingErrorCode = 'MESSAGING_SOURCE_REFUSED';

/**
 * Why a message is not taken of whoever sent it. What nobody here handles may wait for a process with a handler that is particular: by
 * then nobody knows the sender any more, so it is compared with what the message says now.
 */
function refusalOf({ sender }: Arrival, message: Message, handler: Handler | undefined): string | undefined {
  const from = handler?.from;
  if (handler !== undefined && from === undefined) return undefined;
  const { source, type } = message;
  if (sender !== undefined && sender !== source)
    return `${SOURCE_REFUSED}: it says that it is of "${source}", and was sent by ${sender === '' ? 'nobody knows whom' : `"${sender}"`}`;
  if (from === undefined || from.includes(source)) return undefined;
  return `${SOURCE_REFUSED}: ${type} is taken of ${from.join(', ')}, and not of "${source}"`;
}

function read({ type, key, body }: Arrival): Result<Message, string> {
  const bytes = Buffer.byteLength(body);
  if (bytes > MAX_MESSAGE_BYTES) return reject(`it has ${bytes} bytes; the limit is ${MAX_MESSAGE_BYTES}`);
  if (key.length > MAX_KEY_LENGTH)
    return reject(`its key has ${key.length} characters; the limit is ${MAX_KEY_LENGTH}`);
  if (`${type}${key}`.includes('\0')) return reject('its type or key contains the character NUL');
  return fromCloudEvent(body);
}

function bind(message: Message, handler: Handler): Result<Task['work'], string> {
  try {
    const prepared = handler.prepare(message);
    if (prepared.ok) return accept(prepared.value);
    const issues = prepared.rejection.map(({ path, message: text }) => `${path} ${text}`).join('; ');
    return reject(`the data does not match ${message.type}: ${issues}`);
  } catch (error) {
    // Nested so deeply that the validator ran out of stack.
    return reject(`the data does not match ${message.type}: it cannot be checked: ${toError(error).message}`);
  }
}

function describeUnknown(type: string, { consumer, handlers }: DecoderOptions): string {
  const name = type.replace(/\.v\d+$/, '');
  const versions = [...handlers.keys()].filter((other) => other.replace(/\.v\d+$/, '') === name);
  return versions.length > 0
    ? `unknown version: ${consumer} has no handler for "${type}", but for ${versions.join(', ')}`
    : `unknown type: ${consumer} has no handler for "${type}"`;
}
