export { sagaCrashPoints } from './crash-points.ts';
export {
  type DefineEvent,
  type DefineStep,
  defineSaga,
  type SagaDeclaration,
  type SagaDefinition,
  type SagaElements,
  type SagaEventHandler,
  type SagaMigration,
} from './definition.ts';
export { createSagaEngine, type SagaEngine } from './engine.ts';
export type { SagaEngineOptions } from './engine-options.ts';
export type { Fault, SagaErrorCode } from './errors.ts';
export { sagaMigrations } from './migrations.ts';
export type { OperateAnswer, SagaOrder } from './operate.ts';
export type { Refusal, SagaVerb } from './operator-verbs.ts';
export type { CancelAnswer } from './saga-commands.ts';
export type {
  SagaAttemptRecord,
  SagaAuditRecord,
  SagaMessageRecord,
  SagaStepRecord,
} from './saga-history.ts';
export type { SagaDetails, SagaFilter, SagaSummary } from './saga-queries.ts';
export type { Direction, Rejection, SagaReason, SagaStatus } from './saga-state.ts';
export type { StartOptions } from './start-saga.ts';
export {
  command,
  type MessageStep,
  type ParallelGroup,
  type RetrySchedule,
  reply,
  type SagaCall,
  type SagaCommand,
  type SagaCommandContext,
  type SagaReply,
  type SagaStep,
  type SagaUndoCall,
  type SingleStep,
  type StepOutcome,
  type WaitStep,
} from './step.ts';
