import { uuidv5 } from '@flotilla/kernel';
import type { MessageType } from '@flotilla/messaging';

const NAMESPACE = '5d0c1b7e-2f4a-5e86-9b3d-7a1c6e48f052';

/**
 * The message id of something that happens once in the life of an order. However often a publisher finds it out,
 * in a retry or after a crash, it is one message to every consumer.
 */
export function orderFactId<T extends { readonly orderId: string }>(type: MessageType<T>, data: T): string {
  return uuidv5(`${type.type} ${data.orderId}`, NAMESPACE);
}
