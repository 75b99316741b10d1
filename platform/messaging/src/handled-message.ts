import { AsyncLocalStorage } from 'node:async_hooks';
import type { Message } from './message.ts';

const storage = new AsyncLocalStorage<Message>();

/** The message whose handler is running: what is published meanwhile names it as its cause. */
export function handledMessage(): Message | undefined {
  return storage.getStore();
}

export function whileHandling<T>(message: Message, work: () => T): T {
  return storage.run(message, work);
}
