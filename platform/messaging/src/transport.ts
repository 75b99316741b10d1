/** A message on its way out: the wire form and what is needed to route it. */
export interface OutgoingMessage {
  readonly id: string;
  readonly type: string;
  readonly key: string;
  /** CloudEvents JSON. */
  readonly body: string;
}

/** A message the transport will not take, whatever happens; the others of the same call are stored. */
export interface Refusal {
  readonly id: string;
  readonly reason: string;
}

/** A message as a queue hands it out. */
export interface Delivery {
  /** The transport's own, unique within the queue; another delivery of the same message may have another. */
  readonly id: string;
  readonly type: string;
  readonly key: string;
  readonly body: string;
  readonly enqueuedAt: Date;
  /** Attempts that failed by a thrown error or a timeout. */
  readonly failures: number;
  /** Times the consuming process vanished while this message was in work. */
  readonly crashes: number;
}

/** What a consumer decided about one delivery. */
export type Settlement =
  /** Its effects are committed. */
  | { readonly kind: 'ack' }
  /** It failed; again after `delayMs`. Later messages of its key wait behind it. */
  | { readonly kind: 'retry'; readonly delayMs: number; readonly error: string }
  /** It is given up. `countsAsFailure`: it was tried and failed just now. */
  | {
      readonly kind: 'dead-letter';
      readonly reason: string;
      readonly error?: string;
      readonly countsAsFailure: boolean;
    }
  /** It was not tried: hand it out again. */
  | { readonly kind: 'release' };

export interface ReceiveOptions {
  /**
   * Called with one or more deliveries; settles each, in the same order. Several calls run at once, never two with
   * the same key. Must not reject.
   */
  readonly handle: (deliveries: readonly Delivery[]) => Promise<readonly Settlement[]>;
  /** Calls of `handle` at once. */
  readonly concurrency: number;
  /** Deliveries in one call at most. */
  readonly maxBatch: number;
}

export interface Receiver {
  /** Stops taking messages, waits for running handlers, settles, gives the rest back. */
  close(): Promise<void>;
}

/** A message that was given up. */
export interface DeadLetter {
  readonly id: string;
  readonly type: string;
  readonly key: string;
  readonly body: string;
  readonly reason: string;
  readonly error?: string;
  readonly failures: number;
  readonly crashes: number;
  readonly deadAt: Date;
}

/**
 * Carries messages from outboxes to queues. Guarantees of every implementation (`transport.contract.ts`):
 * at least once; messages of one key reach a queue in the order of `publish`; a queue's consumers compete,
 * and one key is never with two of them; queues do not affect each other.
 */
export interface Transport {
  /** Creates the durable queue if needed and adds subscriptions. Never removes one. */
  subscribe(queue: string, types: readonly string[]): Promise<void>;
  /**
   * Stores the messages in every subscribed queue, in the given order; resolves when they are durable. After a
   * refusal it takes no later message of the same key (it refuses them too). Rejects with a retryable error
   * when nothing is known to be stored.
   */
  publish(messages: readonly OutgoingMessage[]): Promise<readonly Refusal[]>;
  receive(queue: string, options: ReceiveOptions): Receiver;
  /** The newest dead letters of a queue, newest first. */
  deadLetters(queue: string, limit: number): Promise<readonly DeadLetter[]>;
  /** Resolves when the transport can be used now; for readiness. */
  ping(): Promise<void>;
  /** Close receivers first. */
  close(): Promise<void>;
}
