export {
  type AsyncApiOptions,
  type DescribedMessage,
  describeMessages,
  messageDataSchema,
} from './asyncapi.ts';
export type { BacklogLimits } from './bus/backlog-watch.ts';
export { createPostgresTransport, type PostgresTransportOptions } from './bus/postgres-transport.ts';
export { type Backlog, createQueues, type DropOutcome, type QueueStatus, type Queues } from './bus/queues.ts';
export { fromCloudEvent } from './cloud-event.ts';
export { createTransport, type TransportOptions } from './create-transport.ts';
export type { MessagingErrorCode } from './errors.ts';
export { type Consumer, type ConsumerOptions, createConsumer } from './inbox/consumer.ts';
export {
  createDeadLetters,
  type DeadLetter,
  type DeadLetterFilter,
  type DeadLetterPage,
  type DeadLetters,
} from './inbox/dead-letters.ts';
export { type Handler, type HandlerOptions, on, type RetryOptions } from './inbox/handler.ts';
export { defineMessage, type Message, type MessageType } from './message.ts';
export { busMigrations, inboxMigrations, outboxMigrations } from './migrations.ts';
export type { Operator } from './operator.ts';
export {
  createOutbox,
  type Outbox,
  type OutboxOptions,
  type Published,
  type PublishOptions,
} from './outbox/outbox.ts';
export { type OutboxStatistics, readOutboxStatistics } from './outbox/outbox-statistics.ts';
export {
  createParkedMessages,
  type ParkedFilter,
  type ParkedMessage,
  type ParkedMessages,
} from './outbox/parked-messages.ts';
export { createRelay, type Relay, type RelayOptions } from './outbox/relay.ts';
export type {
  Delivery,
  OutgoingMessage,
  ReceiveOptions,
  Receiver,
  Refusal,
  Settlement,
  Transport,
  Watch,
  WatchOptions,
} from './transport.ts';
