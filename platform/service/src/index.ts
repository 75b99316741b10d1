export { runService } from './run-service.ts';
export type { ServiceContext, ServiceDefinition, StartedService } from './service.ts';
