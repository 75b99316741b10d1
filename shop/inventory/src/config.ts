import { type Environment, integer, readEnvironment } from '@flotilla/process';
import { BUS_SETTINGS, DATABASE_SETTINGS } from '@flotilla/service';

/** What the inventory service needs besides what every service is told. */
export function readConfig(env: Environment) {
  return readEnvironment(env, {
    ...DATABASE_SETTINGS,
    ...BUS_SETTINGS,
    RESERVATION_TTL_SECONDS: integer({ default: 1_800, min: 1, max: 604_800 }),
    RESERVATION_EXPIRY_INTERVAL_MS: integer({ default: 5_000, min: 100, max: 600_000 }),
  });
}
