import { databaseReadiness } from '@flotilla/http';
import { createDatabase, type Database, type DatabaseOptions } from '@flotilla/postgres';
import { secret } from '@flotilla/process';
import { currentActing } from '@flotilla/telemetry';
import { createStatementObserver } from './observe-statements.ts';
import type { ServiceContext } from './service.ts';

/** What `openDatabase` needs: `readEnvironment(env, { ...DATABASE_SETTINGS, … })`. */
export const DATABASE_SETTINGS = { DATABASE_URL: secret() };

interface Options
  extends Omit<DatabaseOptions, 'uri' | 'applicationName' | 'onIdleError' | 'clock' | 'acting' | 'observe'> {
  /** The service is ready only while it answers. Default true; false where most of what is served does without it. */
  readonly isRequired?: boolean;
}

/**
 * The database of a service, closed at its end. Its sessions show which instance they belong to, the service is ready
 * while it answers, and connections that break while nobody uses them are logged. What a request of a user does is done in the user's name, which
 * tables with row security look at.
 */
export function openDatabase(
  service: ServiceContext<{ readonly DATABASE_URL: string }>,
  { isRequired = true, ...options }: Options = {},
): Database {
  const { config, env, logger, clock } = service;
  const db = createDatabase({
    ...options,
    uri: config.DATABASE_URL,
    applicationName: env.instanceId,
    onIdleError: (err) => logger.warn({ err }, 'an idle database connection broke'),
    clock,
    acting: currentActing,
    observe: createStatementObserver(service.metrics, databaseOf(config.DATABASE_URL)),
  });
  service.defer('database', () => db.close());
  if (isRequired) service.readyWhen('database', databaseReadiness(db));
  return db;
}

function databaseOf(uri: string): string {
  return URL.parse(uri)?.pathname.slice(1) ?? '';
}
