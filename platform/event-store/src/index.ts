export {
  type Aggregate,
  type AggregateOptions,
  createAggregate,
  type Loaded,
  type SnapshotOptions,
} from './aggregate.ts';
export type { EventStoreErrorCode } from './errors.ts';
export {
  type Appended,
  type AppendOptions,
  createEventStore,
  type EventStore,
  type EventStoreOptions,
  type ExpectedVersion,
} from './event-store.ts';
export {
  listCategories,
  listStreams,
  readStoredEvents,
  type StoredEvent,
  type StreamFilter,
  type StreamSummary,
} from './feed/browse-streams.ts';
export { type FeedOptions, type FeedPage, readFeed } from './feed/feed.ts';
export { type Horizon, type HorizonHolder, readHorizon } from './feed/horizon.ts';
export { eventStoreMigrations } from './migrations.ts';
export { type OpenProjectionVerb, openProjectionVerbs } from './projection/open-projection-verbs.ts';
export {
  defineProjection,
  type Projection,
  type ProjectionDefinition,
  type ProjectionTarget,
} from './projection/projection.ts';
export {
  listProjectionCommands,
  type ProjectionCommand,
  type ProjectionRequest,
  type ProjectionVerb,
  readProjectionCommand,
  requestProjection,
} from './projection/projection-commands.ts';
export {
  createProjectionRunner,
  type ProjectionRunner,
  type ProjectionRunnerOptions,
} from './projection/projection-runner.ts';
export {
  type CaughtUpOptions,
  type GenerationStatus,
  listProjections,
  projectionCaughtUp,
} from './projection/projection-status.ts';
export { type Category, defineCategory, type EventOf, type Stream } from './stream/category.ts';
export { type Decider, fold } from './stream/decider.ts';
export {
  type DomainEvent,
  defineEvent,
  type EventDefinition,
  type EventFacts,
  type EventType,
  type Recorded,
  type Upcaster,
} from './stream/event.ts';
export { comparePositions, FEED_START, type FeedPosition } from './stream/position.ts';
export { type ReadStreamOptions, readStream } from './stream/read-stream.ts';
