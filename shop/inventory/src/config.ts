import { type Environment, integer, optional, readEnvironment, secret } from '@flotilla/process';

/** What the inventory service needs besides what every service is told. */
export function readConfig(env: Environment) {
  return readEnvironment(env, {
    DATABASE_URL: secret(),
    BUS_URL: secret(),
    RABBITMQ_URL: optional(secret()),
    RESERVATION_TTL_SECONDS: integer({ default: 1_800, min: 1, max: 604_800 }),
    RESERVATION_EXPIRY_INTERVAL_MS: integer({ default: 5_000, min: 100, max: 600_000 }),
  });
}
