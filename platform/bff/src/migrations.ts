import { join } from 'node:path';
import type { MigrationSource } from '@flotilla/postgres';

/** Tables of the sessions: for the database of the service that keeps them. */
export const bffMigrations: MigrationSource = {
  name: 'bff',
  directory: join(import.meta.dirname, '..', 'migrations'),
};
