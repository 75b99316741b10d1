import { accept, reject } from '@flotilla/kernel';
import {
  type Environment,
  optional,
  readEnvironment,
  type Setting,
  secret,
  text,
  url,
} from '@flotilla/process';
import { DATABASE_SETTINGS } from '@flotilla/service';

/** 32 bytes in base64. */
const encryptionKey: Setting<Buffer> = {
  read: (value) => {
    if (value === undefined) return reject('is required');
    const key = Buffer.from(value, 'base64');
    return key.length === 32 ? accept(key) : reject('must be 32 bytes in base64');
  },
  secret: true,
};

const SETTINGS = {
  ...DATABASE_SETTINGS,
  ISSUER: url(),
  SESSION_ENCRYPTION_KEY: encryptionKey,
  /** Of the client `web-app`. With demo data it is known; otherwise nobody can sign in without it. */
  WEB_APP_SECRET: optional(secret()),
  /** What the build of the storefront left. */
  FRONTEND_DIR: optional(text()),
};

export function readConfig(env: Environment) {
  return readEnvironment(env, SETTINGS);
}
