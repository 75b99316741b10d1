import { join } from 'node:path';
import type { MigrationSource } from '@flotilla/postgres';

const root = join(import.meta.dirname, '..', 'migrations');

/** Tables of the outbox: for every service database that publishes. */
export const outboxMigrations: MigrationSource = { name: 'outbox', directory: join(root, 'outbox') };

/** The inbox table: for every service database that consumes. */
export const inboxMigrations: MigrationSource = { name: 'inbox', directory: join(root, 'inbox') };

/** Tables and functions of the bus: for the database `bus`. Run by its owner; roles need only CONNECT. */
export const busMigrations: MigrationSource = { name: 'bus', directory: join(root, 'bus') };
