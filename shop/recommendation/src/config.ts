import { type Environment, readEnvironment } from '@flotilla/process';
import { BUS_SETTINGS, DATABASE_SETTINGS } from '@flotilla/service';

export function readConfig(env: Environment) {
  return readEnvironment(env, { ...DATABASE_SETTINGS, ...BUS_SETTINGS });
}
