import { join } from 'node:path';
import type { MigrationSource } from '@flotilla/postgres';

/** Tables and functions of the event store. They come before the migrations that call `create_projection`. */
export const eventStoreMigrations: MigrationSource = {
  name: 'event-store',
  directory: join(import.meta.dirname, '..', 'migrations'),
};
