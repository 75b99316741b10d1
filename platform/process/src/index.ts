export { armFaults } from './arm-faults.ts';
export { DISCOVERY_SETTINGS, type DiscoverySettings, discoverySettings } from './discovery-settings.ts';
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
export { EXIT_STATUS, exitStatusOf } from './exit-status.ts';
export {
  type ProcessContext,
  type ProcessDefinition,
  type RunningProcess,
  runProcess,
} from './run-process.ts';
export { runTask, type TaskContext, type TaskDefinition } from './run-task.ts';
export { readServiceEnvironment, type ServiceEnvironment } from './service-environment.ts';
export { readTaskFile } from './task-file.ts';
