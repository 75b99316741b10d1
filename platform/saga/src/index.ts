export type { Direction, Rejection, SagaReason, SagaStatus } from './decide/state.ts';
export {
  type DefineEvent,
  type DefineStep,
  defineSaga,
  type SagaDeclaration,
  type SagaDefinition,
  type SagaElements,
  type SagaEventHandler,
  type SagaMigration,
} from './define/definition.ts';
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
} from './define/step.ts';
export { createSagaEngine, type SagaEngine } from './engine/engine.ts';
export type { StartOptions } from './engine/start-saga.ts';
export type { Fault, SagaErrorCode } from './errors.ts';
export { sagaMigrations } from './migrations.ts';
export type { CancelAnswer } from './operate/commands.ts';
export type {
  SagaAttemptRecord,
  SagaAuditRecord,
  SagaMessageRecord,
  SagaStepRecord,
} from './operate/history.ts';
export type { SagaDetails, SagaFilter, SagaSummary } from './operate/queries.ts';
export type { SagaEngineOptions } from './run/engine-options.ts';
export type { OperateAnswer, Refusal, SagaOrder, SagaVerb } from './store/order.ts';
