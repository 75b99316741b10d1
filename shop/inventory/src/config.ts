import { reject } from '@flotilla/kernel';
import {
  type Environment,
  integer,
  optional,
  readEnvironment,
  type Setting,
  secret,
} from '@flotilla/process';
import { BUS_SETTINGS, DATABASE_SETTINGS } from '@flotilla/service';

/** What the inventory service needs besides what every service is told. */
export function readConfig(env: Environment) {
  return readEnvironment(env, {
    ...DATABASE_SETTINGS,
    ...BUS_SETTINGS,
    INVENTORY_MONGODB_URL: optional(MONGODB_URL),
    RESERVATION_TTL_SECONDS: integer({ default: 1_800, min: 1, max: 604_800 }),
    RESERVATION_EXPIRY_INTERVAL_MS: integer({ default: 5_000, min: 100, max: 600_000 }),
  });
}

const WITH_DATABASE = /^mongodb(?:\+srv)?:\/\/[^/]+\/[\w-]+/;

/** Of a server that speaks MongoDB's protocol. It may hold a password. */
export const MONGODB_URL: Setting<string> = {
  ...secret(),
  read: (text) => {
    const value = secret().read(text);
    return value.ok && !WITH_DATABASE.test(value.value)
      ? reject('must be a mongodb:// URL with the name of a database')
      : value;
  },
};
