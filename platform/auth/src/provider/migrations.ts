import { join } from 'node:path';
import type { MigrationSource } from '@flotilla/postgres';

/** Tables of the identity provider: for the database of the service that is one. */
export const providerMigrations: MigrationSource = {
  name: 'auth_provider',
  directory: join(import.meta.dirname, '..', '..', 'migrations'),
};
