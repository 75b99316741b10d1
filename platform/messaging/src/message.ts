import type { Schema } from '@flotilla/kernel';

/**
 * A message type, declared once in a contracts package. `type` is the wire name with its major version
 * (`order.placed.v1`): a breaking change is a new type. `key` names what must stay in order: messages with
 * the same key reach each consumer in the order in which they were published.
 */
export interface MessageType<T> {
  readonly type: string;
  readonly schema: Schema<T>;
  readonly key: (data: T) => string;
  /** One sentence for the reference: when it is sent, what it means. */
  readonly description: string;
  /**
   * It is a command: when nobody subscribes to it the relay keeps it, tries again and parks it in the end, instead of
   * dropping it. Default `false`.
   */
  readonly mandatory?: boolean;
}

/**
 * One message as consumers see it: CloudEvents 1.0 attributes in our spelling. On the wire it is a
 * CloudEvents JSON object (`toCloudEvent`, `fromCloudEvent`).
 */
export interface Message<T = unknown> {
  /** Unique for ever; consumers recognise duplicates by it. */
  readonly id: string;
  readonly type: string;
  /** The service that published it. */
  readonly source: string;
  /** RFC 3339, as the producer wrote it; `''` when a foreign event has none. */
  readonly time: string;
  readonly key: string;
  readonly data: T;
  /** W3C trace context of the work that published it. */
  readonly traceparent?: string;
  /** The root request or process everything belongs to. */
  readonly correlationId?: string;
  /** The message or command that caused this one. */
  readonly causationId?: string;
}

/** Declares a message type; the wire name must be `<noun>.<past-tense or verb>.v<n>`. */
export function defineMessage<T>(message: MessageType<T>): MessageType<T> {
  if (!/^[a-z]+(-[a-z]+)*(\.[a-z]+(-[a-z]+)*)+\.v[1-9]\d*$/.test(message.type)) {
    throw new RangeError(`message type must look like "order.placed.v1", got ${message.type}`);
  }
  return message;
}
