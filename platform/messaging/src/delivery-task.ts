import type { Transaction } from '@flotilla/postgres';
import { fromCloudEvent, inboxId } from './cloud-event.ts';
import type { Handler } from './handler.ts';
import type { Message } from './message.ts';
import type { Delivery, Settlement } from './transport.ts';

/** A delivery that was understood: what it says, and the handler bound to it. */
export interface Task {
  readonly delivery: Delivery;
  readonly message: Message;
  readonly inboxId: string;
  readonly work: (tx: Transaction) => Promise<void>;
}

export interface UnderstandingOptions {
  readonly consumer: string;
  readonly handlers: ReadonlyMap<string, Handler>;
  readonly retryDelaysMs: readonly number[];
  readonly maxCrashes: number;
}

/** Reads deliveries. What cannot be worked on becomes a dead letter that says why. */
export function createUnderstanding({ consumer, handlers, retryDelaysMs, maxCrashes }: UnderstandingOptions) {
  return (delivery: Delivery): Task | Settlement => {
    const { failures, crashes } = delivery;
    if (crashes >= maxCrashes)
      return bury(`the process ended ${crashes} times while this message was in work`);
    if (failures > retryDelaysMs.length) return bury(`it failed ${failures} times`);
    const parsed = fromCloudEvent(delivery.body);
    if (!parsed.ok) return bury(`malformed: ${parsed.rejection}`);
    const message = parsed.value;
    const handler = handlers.get(message.type);
    if (!handler) return bury(`unknown type: ${consumer} has no handler for "${message.type}"`);
    const prepared = handler.prepare(message);
    if (!prepared.ok) {
      const issues = prepared.rejection.map(({ path, message: text }) => `${path} ${text}`).join('; ');
      return bury(`the data does not match ${message.type}: ${issues}`);
    }
    return { delivery, message, inboxId: inboxId(message), work: prepared.value };
  };
}

/** `error` is given when the handler ran and failed just now. */
export function bury(reason: string, error?: string): Settlement {
  const countsAsFailure = error !== undefined;
  return { kind: 'dead-letter', reason, countsAsFailure, ...(error !== undefined && { error }) };
}
