import { uuidv5 } from '@flotilla/kernel';
import type { MessageType, RetryOptions } from '@flotilla/messaging';

const NAMESPACE = '5d0c1b7e-2f4a-5e86-9b3d-7a1c6e48f052';

/**
 * How long a participant tries a message of an order: about ten minutes, the default life of an order. A fault that
 * is over by then costs an order its time and nothing else.
 */
export const ORDER_MESSAGE_RETRY: RetryOptions = {
  delaysMs: [100, 1_000, 5_000, ...Array<number>(60).fill(10_000)],
};

/**
 * The message id of something that happens once in the life of an order. However often a publisher finds it out,
 * in a retry or after a crash, it is one message to every consumer.
 */
export function orderFactId<T extends { readonly orderId: string }>(type: MessageType<T>, data: T): string {
  return uuidv5(`${type.type} ${data.orderId}`, NAMESPACE);
}

/**
 * The message id of what is answered to a question of the order service. One that is asked again is answered again:
 * its first answer may have been given up.
 */
export function orderAnswerId<T>(type: MessageType<T>, question: { readonly id: string }): string {
  return uuidv5(`${type.type} ${question.id}`, NAMESPACE);
}
