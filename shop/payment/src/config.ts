import { type Environment, readEnvironment, secret } from '@flotilla/process';
import { BUS_SETTINGS, DATABASE_SETTINGS } from '@flotilla/service';

const SETTINGS = { ...DATABASE_SETTINGS, ...BUS_SETTINGS, PROVIDER_API_KEY: secret({ minLength: 16 }) };

export function readConfig(env: Environment) {
  return readEnvironment(env, SETTINGS);
}
