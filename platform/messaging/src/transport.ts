/** A message on its way out: the wire form and what is needed to route it. */
export interface OutgoingMessage {
  readonly id: string;
  readonly type: string;
  readonly key: string;
  /** CloudEvents JSON. */
  readonly body: string;
  /** A command: somebody must be subscribed to its type, else the message is refused. */
  readonly mandatory: boolean;
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
  /** It may have been in work when a consuming process vanished. */
  readonly suspect: boolean;
  /**
   * Who published it, as the transport knows by itself: a service, by the name that it logged in with, or `''` where it could know and
   * does not. Absent: it cannot know, or whoever published it may speak for everybody.
   */
  readonly sender?: string;
  /** Why the transport gave it up (a delivery limit of the broker): it becomes a dead letter without being tried. */
  readonly givenUp?: string;
}

/** What a consumer decided about one delivery. */
export type Settlement =
  /** Its effects, or the record that it waits or was given up, are committed: the transport forgets it. */
  | 'done'
  /** It was not tried (closing, the database is away): hand it out again, in order. */
  | 'release';

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

/** A message that every process reads. */
export type Notice = Pick<Delivery, 'id' | 'type' | 'key' | 'body' | 'enqueuedAt'>;

export interface WatchOptions {
  readonly types: readonly string[];
  /** Begins with those of so long ago, 600 at most: that is how long the bus keeps them. */
  readonly sinceSeconds: number;
  /** May be called again with the same, and in another order than was published. Must not throw. */
  readonly onNotice: (notice: Notice) => void;
}

export interface Watch {
  /** Resolves when everything that was there at the beginning has been read, however long the bus is away before. */
  readonly caughtUp: Promise<void>;
  close(): Promise<void>;
}

/**
 * Carries messages from outboxes to queues: an ordered pipe that knows nothing of retries and dead letters, which are
 * the consumer's. Guarantees of every implementation (`transport.contract.ts`): at least once; messages of one key
 * reach a queue in the order of `publish`; a queue's consumers compete, and one key is never with two of them; what
 * was released comes again in order; what was in work when a process vanished comes again as a suspect; queues do not
 * affect each other.
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
  /**
   * Reads in this process what every process has to know: all messages of these types, beside the queues and whatever they do with them.
   * What was published before anybody ever watched a type is not kept.
   */
  watch(options: WatchOptions): Watch;
  /** Resolves when the transport can be used now; for readiness. */
  ping(): Promise<void>;
  /** Close receivers first. */
  close(): Promise<void>;
}
