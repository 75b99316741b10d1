export { BUS_SETTINGS, openBus, type ServiceBus } from './open-bus.ts';
export { type ClientOptions, openClient } from './open-client.ts';
export { DATABASE_SETTINGS, openDatabase } from './open-database.ts';
export { openResolver } from './open-resolver.ts';
export { createRevocationFeed, type RevocationFeed } from './revocation-feed.ts';
export { runService } from './run-service.ts';
export type { ServiceContext, ServiceDefinition, StartedService } from './service.ts';
