import { type Environment, integer, optional, readEnvironment, secret } from '@flotilla/process';

const SETTINGS = {
  DATABASE_URL: secret(),
  BUS_URL: secret(),
  RABBITMQ_URL: optional(secret()),
  // Shorter than the order service remembers keys: a checkout that is repeated later must not become a second order.
  CHECKOUT_DAYS: integer({ default: 14, min: 1 }),
};

export function readConfig(env: Environment) {
  return readEnvironment(env, SETTINGS);
}
