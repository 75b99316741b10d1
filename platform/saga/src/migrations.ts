import { fileURLToPath } from 'node:url';
import type { MigrationSource } from '@flotilla/postgres';

/** The tables of the saga engine, in the database of the service that uses it. */
export const sagaMigrations: MigrationSource = {
  name: 'saga',
  directory: fileURLToPath(new URL('../migrations', import.meta.url)),
};
