import { accept, createValidator, type Issue, type Result } from '@flotilla/kernel';
import { tolerant } from '@flotilla/kernel/schema';
import type { Transaction } from '@flotilla/postgres';
import { messagingError } from '../errors.ts';
import type { Message, MessageType } from '../message.ts';

/** How often and how long a message of one subscription is tried. Default: what the consumer says. */
export interface HandlerOptions {
  readonly retry?: RetryOptions;
  /** A handler that takes longer has failed. */
  readonly timeoutMs?: number;
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

/**
 * Runs a handler for `timeoutMs` at most, then throws `MESSAGING_HANDLER_TIMEOUT`. Its transaction refuses everything
 * afterwards: a late statement would otherwise run in whatever the connection is used for next.
 */
export async function runWithDeadline(
  work: (tx: Transaction) => Promise<void>,
  tx: Transaction,
  timeoutMs: number,
): Promise<void> {
  let over = false;
  let timer: NodeJS.Timeout | undefined;
  const tooLate = () =>
    messagingError('MESSAGING_HANDLER_TIMEOUT', `the handler was not done after ${timeoutMs} ms`);
  const whileOpen = <Args extends readonly unknown[], R>(call: (...args: Args) => R) => {
    return (...args: Args): R => {
      if (over) throw tooLate();
      return call(...args);
    };
  };
  const deadline = new Promise<never>((_resolve, fail) => {
    timer = setTimeout(() => fail(tooLate()), timeoutMs);
  });
  try {
    await Promise.race([
      work({
        query: async (sql, values) => (await whileOpen(tx.query)(sql, values)) as never,
        defer: (kind, row) => whileOpen(() => tx.defer(kind, row))(),
        afterCommit: whileOpen(tx.afterCommit),
        savepoint: tx.savepoint,
      }),
      deadline,
    ]);
  } finally {
    over = true;
    clearTimeout(timer);
  }
}
