import { accept, reject } from '@flotilla/kernel';
import * as s from '@flotilla/kernel/schema';
import {
  type Environment,
  integer,
  json,
  readEnvironment,
  type Setting,
  secret,
  url,
} from '@flotilla/process';
import { BUS_SETTINGS, DATABASE_SETTINGS } from '@flotilla/service';
import { clientSchema, shopClients, withReplaced } from './oidc/clients.ts';

const serviceClients = s.record(
  s.object({
    secretSha256: s.string({ pattern: '^[0-9a-f]{64}$' }),
    scopes: s.array(s.string({ pattern: '^[\\w.:-]+$' })),
    calls: s.optional(s.array(s.string({ pattern: '^[\\w.-]+$' }))),
  }),
);

/** 32 bytes in base64. */
const encryptionKey: Setting<Buffer> = {
  read: (text) => {
    if (text === undefined) return reject('is required');
    const key = Buffer.from(text, 'base64');
    return key.length === 32 ? accept(key) : reject('must be 32 bytes in base64');
  },
  secret: true,
};

const SETTINGS = {
  ISSUER: url(),
  ...DATABASE_SETTINGS,
  ...BUS_SETTINGS,
  SERVICE_CLIENTS: json(serviceClients),
  /** Applications besides the shop's own. */
  OIDC_CLIENTS: json(s.array(clientSchema), { default: [] }),
  KEY_ENCRYPTION_KEY: encryptionKey,
  ACCESS_TOKEN_SECONDS: integer({ default: 300, min: 1, max: 3_600 }),
};

export function readConfig(env: Environment) {
  return readEnvironment(env, SETTINGS);
}

/** Of tasks that open what is sealed. */
export function readTaskConfig(env: Environment) {
  return readEnvironment(env, { DATABASE_URL: secret(), KEY_ENCRYPTION_KEY: encryptionKey });
}

/** Of tasks about users, sessions and applications. */
export function readClients(env: Environment) {
  const { DATABASE_URL, ISSUER, OIDC_CLIENTS } = readEnvironment(env, {
    DATABASE_URL: secret(),
    ISSUER: url(),
    OIDC_CLIENTS: SETTINGS.OIDC_CLIENTS,
  });
  // Whether there is demo data makes no difference to who has a secret.
  const clients = withReplaced(shopClients(new URL(ISSUER).origin, false), OIDC_CLIENTS);
  return { DATABASE_URL, ISSUER, clients };
}
