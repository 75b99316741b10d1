import { type Environment, integer, readEnvironment } from '@flotilla/process';
import { BUS_SETTINGS, DATABASE_SETTINGS } from '@flotilla/service';

const SETTINGS = {
  ...DATABASE_SETTINGS,
  ...BUS_SETTINGS,
  // Shorter than the order service remembers keys: a checkout that is repeated later must not become a second order.
  CHECKOUT_DAYS: integer({ default: 14, min: 1 }),
};

export function readConfig(env: Environment) {
  return readEnvironment(env, SETTINGS);
}
