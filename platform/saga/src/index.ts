export { sagaCrashPoints } from './crash-points.ts';
export {
  type DefineStep,
  defineSaga,
  type RetrySchedule,
  type SagaCall,
  type SagaDeclaration,
  type SagaDefinition,
  type SagaStep,
  type SagaUndoCall,
  type StepOutcome,
} from './definition.ts';
export { createSagaEngine, type SagaEngine } from './engine.ts';
export type { SagaEngineOptions } from './engine-options.ts';
export type { Fault, SagaErrorCode } from './errors.ts';
export { sagaMigrations } from './migrations.ts';
export type { CancelAnswer, RetryAnswer } from './saga-commands.ts';
export type { SagaDetails, SagaFilter, SagaStepRecord, SagaSummary } from './saga-queries.ts';
export type { StartOptions } from './start-saga.ts';
export type { Direction, Rejection, SagaReason, SagaStatus } from './transition.ts';
