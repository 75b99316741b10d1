export {
  createDatabase,
  type Database,
  type DatabaseOptions,
  type Queryable,
  type SqlValue,
  type Transaction,
} from './database.ts';
export { type PostgresError, type PostgresErrorCode, toPostgresError } from './errors.ts';
export { type MigrationSource, migrate } from './migrate.ts';
