export { createDisposal, type Disposal } from './disposal.ts';
export {
  choice,
  type Environment,
  flag,
  integer,
  json,
  optional,
  port,
  readEnvironment,
  type Setting,
  secret,
  text,
  url,
} from './environment.ts';
export { ConfigurationError, type ConfigurationErrorCode, type TaskErrorCode, taskError } from './errors.ts';
export { armFaults } from './faults.ts';
export { type Repetition, repeat } from './repeat.ts';
export { runTask, type TaskContext, type TaskDefinition } from './run-task.ts';
export { readServiceEnvironment, type ServiceEnvironment } from './service-environment.ts';
export { type StopReason, whenAskedToStop } from './stop-request.ts';
