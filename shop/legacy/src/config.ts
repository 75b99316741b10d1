import { type Environment, readEnvironment } from '@flotilla/process';
import { DATABASE_SETTINGS } from '@flotilla/service';

export function readConfig(env: Environment) {
  return readEnvironment(env, DATABASE_SETTINGS);
}
