import { type Environment, readEnvironment, secret } from '@flotilla/process';
import { DATABASE_SETTINGS } from '@flotilla/service';

const SETTINGS = { ...DATABASE_SETTINGS, PROVIDER_API_KEY: secret({ minLength: 16 }) };

export function readConfig(env: Environment) {
  return readEnvironment(env, SETTINGS);
}
