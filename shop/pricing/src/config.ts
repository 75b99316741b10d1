import { type Environment, integer, readEnvironment } from '@flotilla/process';
import { BUS_SETTINGS, DATABASE_SETTINGS } from '@flotilla/service';

/** What the pricing service needs besides what every service is told. */
export function readConfig(env: Environment) {
  return readEnvironment(env, {
    ...DATABASE_SETTINGS,
    ...BUS_SETTINGS,
    QUOTE_TTL_SECONDS: integer({ default: 900, min: 1, max: 604_800 }),
  });
}
