export {
  type Aggregate,
  type AggregateOptions,
  createAggregate,
  type Loaded,
  type SnapshotOptions,
} from './aggregate.ts';
export { type Category, defineCategory, type EventOf, type Stream } from './category.ts';
export { eventStoreCrashPoints } from './crash-points.ts';
export { type Decider, fold } from './decider.ts';
export type { EventStoreErrorCode } from './errors.ts';
export {
  type DomainEvent,
  defineEvent,
  type EventDefinition,
  type EventFacts,
  type EventType,
  type Recorded,
  type Upcaster,
} from './event.ts';
export {
  type Appended,
  type AppendOptions,
  createEventStore,
  type EventStore,
  type EventStoreOptions,
  type ExpectedVersion,
} from './event-store.ts';
export { type FeedOptions, type FeedPage, readFeed } from './feed.ts';
export { type Horizon, type HorizonHolder, readHorizon } from './horizon.ts';
export { eventStoreMigrations } from './migrations.ts';
export { comparePositions, FEED_START, type FeedPosition } from './position.ts';
export {
  defineProjection,
  type Projection,
  type ProjectionDefinition,
  type ProjectionTarget,
} from './projection.ts';
export {
  listProjectionCommands,
  type ProjectionCommand,
  type ProjectionRequest,
  type ProjectionVerb,
  readProjectionCommand,
  requestProjection,
} from './projection-commands.ts';
export {
  createProjectionRunner,
  type ProjectionRunner,
  type ProjectionRunnerOptions,
} from './projection-runner.ts';
export {
  type CaughtUpOptions,
  type GenerationStatus,
  listProjections,
  projectionCaughtUp,
} from './projection-status.ts';
export { type ReadStreamOptions, readStream } from './read-stream.ts';
