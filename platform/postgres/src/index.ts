export type { Acting, ActingUser } from './acting.ts';
export {
  createDatabase,
  type Database,
  type DatabaseOptions,
} from './database.ts';
export { type Deadline, withDeadline } from './deadline.ts';
export { type PostgresError, type PostgresErrorCode, toPostgresError } from './errors.ts';
export { type MigrationSource, migrate } from './migrate.ts';
export {
  databaseUri,
  deprovision,
  findProvisioned,
  identifyServer,
  type Provisioned,
  type ProvisionedDatabase,
  type ProvisionedRole,
  type ProvisionPlan,
  provision,
} from './provision.ts';
export { isOwnSession } from './session.ts';
export type { SqlValue } from './statement.ts';
export { isStorableJson, storableJson, storableText } from './storable.ts';
export type { DeferredRows, Queryable, Transaction } from './transaction.ts';
