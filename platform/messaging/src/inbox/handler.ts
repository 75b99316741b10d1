import { accept, createValidator, type Issue, type Result } from '@flotilla/kernel';
import { tolerant } from '@flotilla/kernel/schema';
import type { Transaction } from '@flotilla/postgres';
import type { Message, MessageType } from '../message.ts';

/** How often and how long a message of one subscription is tried. Default: what the consumer says. */
export interface HandlerOptions {
  readonly retry?: RetryOptions;
  /** A handler that takes longer has failed. */
  readonly timeoutMs?: number;
  /**
   * The services whose messages are taken, by their `source`, which the transport proves. One of anybody else becomes a dead letter,
   * `MESSAGING_SOURCE_REFUSED`. Default: everybody's, as they say.
   */
  readonly from?: readonly string[];
}

export interface RetryOptions {
  /** Pause before each further attempt, spread by jitter. Default 100, 1,000, 5,000, 30,000 ms: 5 attempts. */
  readonly delaysMs?: readonly number[];
  /** Times the process may vanish while only this message is in work before it is given up. Default 3. */
  readonly maxCrashes?: number;
}

/** What a consumer does with one message type. Made by `on`. */
export interface Handler extends HandlerOptions {
  readonly type: string;
  /** Checks the data and binds it to the handler. */
  readonly prepare: (message: Message) => Result<(tx: Transaction) => Promise<void>, readonly Issue[]>;
}

/**
 * Handles messages of one type. The handler writes through `tx` only; its writes, what it publishes to the outbox and
 * the fact that the message was handled commit together. It may run again after a rollback, so it must not act on
 * the outside. Unknown fields in the data are tolerated.
 */
export function on<T>(
  type: MessageType<T>,
  handler: (message: Message<T>, tx: Transaction) => Promise<void>,
  options: HandlerOptions = {},
): Handler {
  const validate = createValidator(tolerant(type.schema));
  return {
    ...options,
    type: type.type,
    prepare: (message) => {
      const data = validate(message.data);
      return data.ok ? accept((tx) => handler({ ...message, data: data.value }, tx)) : data;
    },
  };
}
