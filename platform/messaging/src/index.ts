export {
  type AsyncApiOptions,
  type DescribedMessage,
  describeMessages,
  messageDataSchema,
} from './asyncapi.ts';
export type { BacklogLimits } from './backlog-watch.ts';
export { type Consumer, type ConsumerOptions, createConsumer } from './consumer.ts';
export { messagingCrashPoints, rabbitmqCrashPoints } from './crash-points.ts';
export { createTransport, type TransportOptions } from './create-transport.ts';
export {
  createDeadLetters,
  type DeadLetter,
  type DeadLetterFilter,
  type DeadLetterPage,
  type DeadLetters,
  type Operator,
} from './dead-letters.ts';
export type { MessagingErrorCode } from './errors.ts';
export { type Handler, type HandlerOptions, on, type RetryOptions } from './handler.ts';
export { defineMessage, type Message, type MessageType } from './message.ts';
export { busMigrations, inboxMigrations, outboxMigrations } from './migrations.ts';
export { createOutbox, type Outbox, type OutboxOptions, type PublishOptions } from './outbox.ts';
export {
  createParkedMessages,
  type ParkedFilter,
  type ParkedMessage,
  type ParkedMessages,
} from './parked-messages.ts';
export { createPostgresTransport, type PostgresTransportOptions } from './postgres-transport.ts';
export { type Backlog, createQueues, type DropOutcome, type QueueStatus, type Queues } from './queues.ts';
export { createRelay, type Relay, type RelayOptions } from './relay.ts';
export type {
  Delivery,
  OutgoingMessage,
  ReceiveOptions,
  Receiver,
  Refusal,
  Settlement,
  Transport,
} from './transport.ts';
