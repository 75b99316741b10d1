import { type Environment, optional, readEnvironment, secret } from '@flotilla/process';

export function readConfig(env: Environment) {
  return readEnvironment(env, {
    DATABASE_URL: secret(),
    BUS_URL: secret(),
    RABBITMQ_URL: optional(secret()),
  });
}
