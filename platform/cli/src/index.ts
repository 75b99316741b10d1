export type { RecordConfig } from '@flotilla/console';
export {
  type BusConfig,
  type ConsoleConfig,
  callersOf,
  defineSystem,
  type FrontendConfig,
  type ServiceConfig,
  type SystemConfig,
  type TelemetryConfig,
  type Welcome,
  type WelcomeFacts,
} from './config.ts';
export { type Control, connectControl, type InstanceStatus } from './control/client.ts';
export { dataDirAt } from './data-dir/data-dir.ts';
export { type Claim, claim, type Demo, defineDemo, type Stage } from './demo/demo.ts';
