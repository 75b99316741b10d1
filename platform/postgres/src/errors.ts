import { isPlatformError, PlatformError, toError } from '@flotilla/kernel';

/**
 * - `POSTGRES_CONFLICT`: serialization failure or deadlock; the transaction may simply be run again.
 * - `POSTGRES_UNIQUE_VIOLATION`, `POSTGRES_CHECK_VIOLATION`: a constraint refused the row; `details.constraint` names it.
 * - `POSTGRES_UNAVAILABLE`: no connection, it broke, or the server cannot write (any more). The outcome of a running COMMIT is then unknown.
 * - `POSTGRES_POOL_EXHAUSTED`: no free connection in time.
 * - `POSTGRES_TIMEOUT`: the statement took longer than `statementTimeoutMs` and was cancelled; nothing of it was done.
 * - `POSTGRES_QUERY_FAILED`: anything else, a defect of the statement.
 * - `POSTGRES_MIGRATION_CHANGED`: a migration file was edited after it had been applied.
 * - `POSTGRES_NAME_TAKEN`: the server has a role or database of that name that somebody else made.
 * - `POSTGRES_NO_BINARY`: no embedded server runs on this platform; an existing one must be named.
 * - `POSTGRES_DATA_DIR_VERSION`: the data directory was made by another major version.
 * - `POSTGRES_DATA_DIR_UNUSABLE`: the data directory, or what belongs to it, is not whole or not ours to use. Left as it is.
 * - `POSTGRES_START_FAILED`: the embedded server could not be set up or did not become ready.
 */
export type PostgresErrorCode =
  | 'POSTGRES_CONFLICT'
  | 'POSTGRES_UNIQUE_VIOLATION'
  | 'POSTGRES_CHECK_VIOLATION'
  | 'POSTGRES_UNAVAILABLE'
  | 'POSTGRES_POOL_EXHAUSTED'
  | 'POSTGRES_TIMEOUT'
  | 'POSTGRES_QUERY_FAILED'
  | 'POSTGRES_MIGRATION_CHANGED'
  | 'POSTGRES_NAME_TAKEN'
  | 'POSTGRES_NO_BINARY'
  | 'POSTGRES_DATA_DIR_VERSION'
  | 'POSTGRES_DATA_DIR_UNUSABLE'
  | 'POSTGRES_START_FAILED';

export type PostgresError = PlatformError<PostgresErrorCode>;

const BY_SQLSTATE: Readonly<Record<string, PostgresErrorCode>> = {
  '40001': 'POSTGRES_CONFLICT',
  '40P01': 'POSTGRES_CONFLICT',
  '57014': 'POSTGRES_TIMEOUT',
  '23505': 'POSTGRES_UNIQUE_VIOLATION',
  '23514': 'POSTGRES_CHECK_VIOLATION',
};

const RETRYABLE: ReadonlySet<PostgresErrorCode> = new Set([
  'POSTGRES_CONFLICT',
  'POSTGRES_UNAVAILABLE',
  'POSTGRES_POOL_EXHAUSTED',
  'POSTGRES_TIMEOUT',
]);

/** Names what went wrong, whatever layer of the driver reported it. Other errors pass through as a failed query. */
export function toPostgresError(thrown: unknown): PostgresError {
  if (isPlatformError(thrown)) return thrown as PostgresError;
  const error = toError(thrown) as Error & {
    readonly code?: string;
    readonly severity?: string;
    readonly constraint?: string;
    readonly table?: string;
  };
  const code = classify(error);
  return new PlatformError(code, error.message, {
    cause: error,
    retryable: RETRYABLE.has(code),
    details: { sqlState: error.code, constraint: error.constraint, table: error.table },
  });
}

/** The server takes no writes: it is a standby by now, and another one took over. */
export function isReadOnly(error: unknown): error is PostgresError {
  return isPlatformError(error) && error.details['sqlState'] === READ_ONLY;
}

const READ_ONLY = '25006';

function classify(error: Error & { readonly code?: string; readonly severity?: string }): PostgresErrorCode {
  const state = error.code ?? '';
  const named = BY_SQLSTATE[state];
  if (named) return named;
  if (error.message.includes('timeout exceeded when trying to connect')) return 'POSTGRES_POOL_EXHAUSTED';
  // Class 08: connection; 57P: shutdown or crash of the server; 53: out of resources; 58: its files; E…: the socket itself.
  const lost =
    /^(08|57P|53|58)/.test(state) ||
    error.severity === 'PANIC' || // it ends all connections, whatever it could not do
    state === READ_ONLY ||
    /^E[A-Z]+$/.test(state) ||
    /Connection (terminated|ended)|Client has encountered/.test(error.message);
  return lost ? 'POSTGRES_UNAVAILABLE' : 'POSTGRES_QUERY_FAILED';
}
