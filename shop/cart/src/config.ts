import { type Environment, readEnvironment, secret } from '@flotilla/http';

const SETTINGS = { DATABASE_URL: secret(), BUS_URL: secret() };

export function readConfig(env: Environment) {
  return readEnvironment(env, SETTINGS);
}
