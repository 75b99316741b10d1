import { join } from 'node:path';

export { openAuditFile } from './audit-file.ts';
export type {
  Audit,
  AuditRow,
  ConsoleDeps,
  FaultRow,
  GatewayDesk,
  IdentityDesk,
  InstanceRow,
  InvariantRow,
  PartQuery,
  ProcessRow,
  QueueRow,
  RecordConfig,
  RegistryView,
  Role,
  Sample,
  Scrape,
  ServiceAction,
  SloRow,
} from './deps.ts';
export { ROLES } from './deps.ts';
export type { ConsoleErrorCode } from './errors.ts';
export {
  type ConsoleServer,
  type ConsoleServerOptions,
  createConsoleServer,
} from './server/console-server.ts';
export { createTickets, type Tickets } from './server/tickets.ts';

/** Where the pages are built. */
export const CONSOLE_PAGES = join(import.meta.dirname, '../ui/dist');
