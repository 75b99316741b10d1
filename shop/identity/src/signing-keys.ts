import {
  createPrivateKey,
  createPublicKey,
  generateKeyPair,
  type JsonWebKey,
  type KeyObject,
} from 'node:crypto';
import { promisify } from 'node:util';
import type { KeySource, Seal } from '@flotilla/auth';
import type { Clock } from '@flotilla/kernel';
import type { Database, Transaction } from '@flotilla/postgres';
import { calculateJwkThumbprint } from 'jose';

type PublicJwk = Readonly<Record<string, unknown>>;

/** ES256 signs access tokens: quick to make. RS256 signs ID tokens: every client reads it. */
export const ALGORITHMS = ['ES256', 'RS256'] as const;
export type Algorithm = (typeof ALGORITHMS)[number];

interface SigningKey {
  readonly kid: string;
  readonly alg: Algorithm;
  readonly privateKey: KeyObject;
}

/**
 * The keys of this issuer, the same on every replica. A key is published long before it signs, so `find` knows
 * every key that a replica has signed with and never has to ask the database about a forged one.
 */
export interface SigningKeys extends KeySource {
  /** The newest key whose time to sign has come. */
  current(algorithm?: Algorithm): SigningKey;
  /** Every public key that a valid token may be signed with, or will be soon. */
  jwks(): { readonly keys: readonly PublicJwk[] };
  /** All keys with their private parts, those that sign now first. Never log it. */
  privateJwks(): { readonly keys: readonly JsonWebKey[] };
  /** Reads the keys again and makes or drops one when it is time. Call it every few minutes. Returns whether anything is new. */
  refresh(): Promise<boolean>;
}

export interface SigningKeysOptions {
  readonly db: Database;
  readonly seal: Seal;
  readonly clock: Pick<Clock, 'now'>;
  readonly generate?: GenerateKey;
  /** Age at which a key gets a successor. Default 30 days. */
  readonly rotateAfterSeconds?: number;
  /** How long a new key is published before it signs: longer than verifiers keep a JWKS. Default 1 hour. */
  readonly activationDelaySeconds?: number;
  /** How long a key is published after its successor signs: a client may show an ID token for as long as its session lives. Default 31 days. */
  readonly retireAfterSeconds?: number;
}

export type GenerateKey = (algorithm: Algorithm) => Promise<KeyObject>;

interface HeldKey extends SigningKey {
  readonly publicKey: KeyObject;
  readonly publicJwk: PublicJwk;
  readonly signsFrom: Date;
}

const LOCK = 4_201_877_311; // any constant: replicas make and drop keys one at a time
const DAY_SECONDS = 24 * 60 * 60;

/** Loads the keys, making the first ones when there are none. */
export async function openSigningKeys(options: SigningKeysOptions): Promise<SigningKeys> {
  const { seal, clock } = options;
  let held = await load();
  let shown = fingerprint();

  async function load(): Promise<readonly HeldKey[]> {
    const rows = await keepKeys(options);
    return rows.map((row) => openRow(row, seal));
  }

  function current(algorithm: Algorithm = 'ES256'): HeldKey {
    const now = clock.now();
    const keys = held.filter(({ alg }) => alg === algorithm);
    // The oldest key signs when the clock here is behind the database's.
    const key = keys.find(({ signsFrom }) => signsFrom <= now) ?? keys.at(-1);
    if (!key) throw new RangeError(`rotation left no ${algorithm} key`);
    return key;
  }

  /** What users of `privateJwks` have to follow. */
  function fingerprint(): string {
    return [...ALGORITHMS.map((algorithm) => current(algorithm).kid), ...held.map(({ kid }) => kid)].join();
  }

  return {
    current,
    jwks: () => ({ keys: held.map((key) => key.publicJwk) }),
    privateJwks: () => {
      const signing = ALGORITHMS.map((algorithm) => current(algorithm));
      const others = held.filter((key) => !signing.includes(key));
      return { keys: [...signing, ...others].map(toPrivateJwk) };
    },
    find: async (kid) => {
      const found = held.find((key) => key.kid === kid);
      return found && { algorithm: found.alg, key: found.publicKey };
    },
    refresh: async () => {
      held = await load();
      const now = fingerprint();
      const isNew = now !== shown;
      shown = now;
      return isNew;
    },
  };
}

interface KeyRow {
  readonly kid: string;
  readonly alg: Algorithm;
  readonly public_jwk: PublicJwk;
  readonly sealed_private_key: Buffer;
  readonly signs_from: Date;
}

const SELECT =
  'SELECT kid, alg, public_jwk, sealed_private_key, signs_from FROM signing_key ORDER BY signs_from DESC, kid';

const NEEDS_KEY = `
  SELECT count(*)::int AS known, coalesce(max(signs_from) < now() - $1 * interval '1 second', true) AS due
  FROM signing_key WHERE alg = $2`;

const INSERT = `
  INSERT INTO signing_key (kid, alg, public_jwk, sealed_private_key, signs_from)
  VALUES ($1, $2, $3, $4, now() + $5 * interval '1 second')`;

const DROP = `
  DELETE FROM signing_key k WHERE EXISTS (
    SELECT 1 FROM signing_key successor WHERE successor.alg = k.alg
      AND successor.signs_from > k.signs_from AND successor.signs_from < now() - $1 * interval '1 second')`;

/** Makes what is due, drops what has served, and gives what is there. Keys are made before anything is locked: RSA takes a while. */
async function keepKeys(options: SigningKeysOptions): Promise<readonly KeyRow[]> {
  const { db, rotateAfterSeconds = 30 * DAY_SECONDS, generate = generateKey } = options;
  const due = await dueAlgorithms(db, rotateAfterSeconds);
  const fresh = await Promise.all(due.map(async (alg) => makeKey(alg, await generate(alg), options.seal)));
  return await db.transaction(async (tx) => {
    await tx.query(`SELECT pg_advisory_xact_lock(${LOCK})`);
    const stillDue = await dueAlgorithms(tx, rotateAfterSeconds);
    for (const key of fresh) if (stillDue.includes(key.alg)) await insertKey(tx, key, options);
    await tx.query(DROP, [options.retireAfterSeconds ?? 31 * DAY_SECONDS]);
    return await tx.query<KeyRow>(SELECT);
  });
}

async function dueAlgorithms(
  on: Pick<Transaction, 'query'>,
  rotateAfterSeconds: number,
): Promise<readonly Algorithm[]> {
  const due: Algorithm[] = [];
  for (const algorithm of ALGORITHMS) {
    const [state] = await on.query<{ due: boolean }>(NEEDS_KEY, [rotateAfterSeconds, algorithm]);
    if (state?.due) due.push(algorithm);
  }
  return due;
}

/** Makes a new key of each kind before it is due. It is published at once, and signs after `activationDelaySeconds`. */
export async function rotateKeys(
  options: SigningKeysOptions,
  record: (tx: Transaction, keys: readonly RotatedKey[]) => Promise<void>,
): Promise<readonly RotatedKey[]> {
  const { db, seal, generate = generateKey } = options;
  const fresh = await Promise.all(ALGORITHMS.map(async (alg) => makeKey(alg, await generate(alg), seal)));
  return await db.transaction(async (tx) => {
    await tx.query(`SELECT pg_advisory_xact_lock(${LOCK})`);
    for (const key of fresh) await insertKey(tx, key, options);
    const rows = await tx.query<KeyRow>(SELECT);
    const rotated = rows
      .filter(({ kid }) => fresh.some((key) => key.kid === kid))
      .map(({ kid, alg, signs_from: signsFrom }) => ({ kid, alg, signsFrom }));
    await record(tx, rotated);
    return rotated;
  });
}

export interface RotatedKey {
  readonly kid: string;
  readonly alg: Algorithm;
  readonly signsFrom: Date;
}

interface NewKey {
  readonly kid: string;
  readonly alg: Algorithm;
  readonly publicJwk: PublicJwk;
  readonly sealed: Buffer;
}

async function insertKey(tx: Transaction, key: NewKey, options: SigningKeysOptions): Promise<void> {
  const [state] = await tx.query<{ known: number }>(NEEDS_KEY, [0, key.alg]);
  // The first key signs at once: nobody can have cached a JWKS without it.
  const delaySeconds = state?.known === 0 ? 0 : (options.activationDelaySeconds ?? 3_600);
  await tx.query(INSERT, [key.kid, key.alg, JSON.stringify(key.publicJwk), key.sealed, delaySeconds]);
}

const makePair = promisify(generateKeyPair);

const generateKey: GenerateKey = async (algorithm) => {
  const { privateKey } =
    algorithm === 'ES256'
      ? await makePair('ec', { namedCurve: 'P-256' })
      : await makePair('rsa', { modulusLength: 2_048 });
  return privateKey;
};

/** Its id is its RFC 7638 thumbprint. */
async function makeKey(alg: Algorithm, privateKey: KeyObject, seal: Seal): Promise<NewKey> {
  const publicJwk = createPublicKey(privateKey).export({ format: 'jwk' });
  const kid = await calculateJwkThumbprint({ ...publicJwk, kty: publicJwk.kty ?? '' });
  return {
    kid,
    alg,
    publicJwk: { ...publicJwk, kid, alg, use: 'sig' },
    sealed: seal.seal(privateKey.export({ format: 'der', type: 'pkcs8' }), sealContext(kid)),
  };
}

function openRow(row: KeyRow, seal: Seal): HeldKey {
  const key = seal.open(row.sealed_private_key, sealContext(row.kid));
  const privateKey = createPrivateKey({ key, format: 'der', type: 'pkcs8' });
  return {
    kid: row.kid,
    alg: row.alg,
    publicJwk: row.public_jwk,
    signsFrom: row.signs_from,
    privateKey,
    publicKey: createPublicKey(privateKey),
  };
}

function toPrivateJwk({ kid, alg, privateKey }: HeldKey): JsonWebKey {
  return { ...privateKey.export({ format: 'jwk' }), kid, alg, use: 'sig' };
}

function sealContext(kid: string): string {
  return `signing key ${kid}`;
}
