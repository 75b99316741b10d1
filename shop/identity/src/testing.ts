import { generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { providerMigrations } from '@flotilla/auth/provider/migrations';
import { createHttpHost } from '@flotilla/http';
import { systemClock, uuidv7 } from '@flotilla/kernel';
import { createOutbox, outboxMigrations } from '@flotilla/messaging';
import type { Database } from '@flotilla/postgres';
import { createTestDatabase } from '@flotilla/postgres/testing';
import { createMetrics, silentLogger } from '@flotilla/telemetry';
import { createIdentityApp, type IdentityDeps } from './app.ts';
import { createPasswords } from './passwords/passwords.ts';
import type { Algorithm, GenerateKey } from './signing-keys.ts';

export const identityMigrations = [
  providerMigrations,
  { name: 'identity', directory: join(import.meta.dirname, '..', 'migrations') },
];

/** The identity service on a database of its own, called without a socket. */
export async function startIdentity(options: Partial<IdentityDeps> = {}) {
  const database = await createTestDatabase([...identityMigrations, outboxMigrations]);
  const { db } = database;
  const hashing = countHashes();
  const app = await createIdentityApp({
    db,
    outbox: createOutbox({ source: 'identity' }),
    logger: silentLogger,
    clock: systemClock,
    newId: uuidv7,
    issuer: 'http://127.0.0.1:8080/identity',
    audience: 'flotilla',
    keyEncryptionKey: randomBytes(32),
    serviceClients: {},
    clients: [],
    accountTokenSeconds: 300,
    demo: false,
    passwords: hashing.passwords,
    generateKey: sameKey,
    ...options,
  });
  const host = createHttpHost({
    service: 'identity',
    handlers: app.handlers,
    rawRoutes: app.rawRoutes,
    verifyToken: app.verifyToken,
    logger: silentLogger,
    metrics: createMetrics(),
    readiness: {},
  });

  async function send(
    method: 'GET' | 'POST',
    url: string,
    payload?: object,
    headers: Record<string, string> = {},
  ) {
    const response = await host.inject({ method, url, headers, ...(payload && { payload }) });
    const body: Record<string, unknown> = response.body === '' ? {} : response.json();
    return { status: response.statusCode, headers: response.headers, body };
  }

  return {
    db,
    host,
    uri: database.uri,
    app,
    hashing,
    post: (url: string, payload: object, headers?: Record<string, string>) =>
      send('POST', url, payload, headers),
    get: (url: string, token?: string) =>
      send('GET', url, undefined, token === undefined ? {} : { authorization: `Bearer ${token}` }),
    signUp: (email: string, password = 'a fine password', address = '192.0.2.1') =>
      send('POST', '/users', { email, password, name: 'Some Body' }, { 'x-real-ip': address }),
    logIn: (email: string, password = 'a fine password', address = '192.0.2.1') =>
      send('POST', '/auth/login', { email, password }, { 'x-real-ip': address }),
    close: async () => {
      await host.close();
      await database.close();
    },
  };
}

/** Keys take a while to make, and nothing here depends on their being new. */
const made = new Map<Algorithm, KeyObject>();
const sameKey: GenerateKey = async (algorithm) => {
  const known = made.get(algorithm);
  if (known !== undefined) return known;
  const { privateKey } =
    algorithm === 'ES256'
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
      : generateKeyPairSync('rsa', { modulusLength: 2_048 });
  made.set(algorithm, privateKey);
  return privateKey;
};

export type Identity = Awaited<ReturnType<typeof startIdentity>>;

/** What a hash costs is a matter of passwords.test.ts. */
const CHEAP = { memory: 64, passes: 1, parallelism: 1 };

function countHashes() {
  const real = createPasswords(CHEAP);
  const counts = { hashed: 0, verified: 0 };
  const hashing = {
    counts,
    /** New hashes wait for it. */
    gate: undefined as Promise<void> | undefined,
    waiting: 0,
    passwords: {
      ...real,
      hash: async (password: string) => {
        counts.hashed += 1;
        hashing.waiting += 1;
        await hashing.gate;
        hashing.waiting -= 1;
        return await real.hash(password);
      },
      verify: (password: string, phc: string) => {
        counts.verified += 1;
        return real.verify(password, phc);
      },
    },
  };
  return hashing;
}

/** While `work` runs, rows of the table cannot be written, as when the database is shutting down. */
export async function withoutDatabase<T>(db: Database, table: string, work: () => Promise<T>): Promise<T> {
  await db.query(`CREATE OR REPLACE FUNCTION is_away() RETURNS trigger LANGUAGE plpgsql AS
    $$BEGIN RAISE EXCEPTION 'shutting down' USING ERRCODE = '57P01'; END$$`);
  await db.query(`CREATE TRIGGER away BEFORE INSERT ON ${table} EXECUTE FUNCTION is_away()`);
  try {
    return await work();
  } finally {
    await db.query(`DROP TRIGGER away ON ${table}`);
  }
}

/** The claims of a token, unchecked. */
export function claimsOf(token: unknown): Record<string, unknown> {
  const [, payload = ''] = String(token).split('.');
  return JSON.parse(Buffer.from(payload, 'base64url').toString());
}
