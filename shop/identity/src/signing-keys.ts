import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
} from 'node:crypto';
import type { KeySource } from '@flotilla/auth';
import type { Clock } from '@flotilla/kernel';
import type { Database, Transaction } from '@flotilla/postgres';
import type { Seal } from './seal.ts';

type PublicJwk = Readonly<Record<string, unknown>>;

interface SigningKey {
  readonly kid: string;
  readonly privateKey: KeyObject;
}

/**
 * The keys of this issuer, the same on every replica. A key is published long before it signs, so `find` knows
 * every key that a replica has signed with and never has to ask the database about a forged one.
 */
export interface SigningKeys extends KeySource {
  /** The newest key whose time to sign has come. */
  current(): SigningKey;
  /** Every public key that a valid token may be signed with, or will be soon. */
  jwks(): { readonly keys: readonly PublicJwk[] };
  /** Reads the keys again and makes or drops one when it is time. Call it every few minutes. */
  refresh(): Promise<void>;
}

export interface SigningKeysOptions {
  readonly db: Database;
  readonly seal: Seal;
  readonly clock: Pick<Clock, 'now'>;
  /** Age at which a key gets a successor. Default 30 days. */
  readonly rotateAfterSeconds?: number;
  /** How long a new key is published before it signs: longer than verifiers keep a JWKS. Default 1 hour. */
  readonly activationDelaySeconds?: number;
  /** How long a key is published after its successor signs: longer than a token lives. Default 1 day. */
  readonly retireAfterSeconds?: number;
}

interface HeldKey extends SigningKey {
  readonly publicKey: KeyObject;
  readonly publicJwk: PublicJwk;
  readonly signsFrom: Date;
}

const LOCK = 4_201_877_311; // any constant: replicas make and drop keys one at a time

/** Loads the keys, making the first one when there is none. */
export async function openSigningKeys(options: SigningKeysOptions): Promise<SigningKeys> {
  const { db, seal, clock } = options;
  let held: readonly [HeldKey, ...HeldKey[]] = await load();

  async function load(): Promise<readonly [HeldKey, ...HeldKey[]]> {
    const rows = await db.transaction(async (tx) => {
      await tx.query(`SELECT pg_advisory_xact_lock(${LOCK})`);
      await rotate(tx, options);
      return await tx.query<KeyRow>(SELECT);
    });
    const [newest, ...older] = rows.map((row) => openRow(row, seal));
    if (!newest) throw new RangeError('rotation left no signing key');
    return [newest, ...older];
  }

  return {
    current: () => {
      const now = clock.now();
      // The oldest key signs when the clock here is behind the database's.
      return held.find((key) => key.signsFrom <= now) ?? held.at(-1) ?? held[0];
    },
    jwks: () => ({ keys: held.map((key) => key.publicJwk) }),
    find: async (kid) => {
      const found = held.find((key) => key.kid === kid);
      return found && { algorithm: 'ES256', key: found.publicKey };
    },
    refresh: async () => {
      held = await load();
    },
  };
}

interface KeyRow {
  readonly kid: string;
  readonly public_jwk: PublicJwk;
  readonly sealed_private_key: Buffer;
  readonly signs_from: Date;
}

const SELECT =
  'SELECT kid, public_jwk, sealed_private_key, signs_from FROM signing_key ORDER BY signs_from DESC, kid';

const NEEDS_KEY = `
  SELECT count(*)::int AS known, coalesce(max(signs_from) < now() - $1 * interval '1 second', true) AS due
  FROM signing_key`;

const INSERT = `
  INSERT INTO signing_key (kid, public_jwk, sealed_private_key, signs_from)
  VALUES ($1, $2, $3, now() + $4 * interval '1 second')`;

const DROP = `
  DELETE FROM signing_key k WHERE EXISTS (
    SELECT 1 FROM signing_key successor
    WHERE successor.signs_from > k.signs_from AND successor.signs_from < now() - $1 * interval '1 second')`;

const DAY_SECONDS = 24 * 60 * 60;

async function rotate(tx: Transaction, options: SigningKeysOptions): Promise<void> {
  const { rotateAfterSeconds = 30 * DAY_SECONDS, activationDelaySeconds = 3_600 } = options;
  const [state] = await tx.query<{ known: number; due: boolean }>(NEEDS_KEY, [rotateAfterSeconds]);
  if (state?.due) {
    const fresh = makeKey(options.seal);
    // The first key signs at once: nobody can have cached a JWKS without it.
    const delaySeconds = state.known === 0 ? 0 : activationDelaySeconds;
    await tx.query(INSERT, [fresh.kid, fresh.publicJwk, fresh.sealed, delaySeconds]);
  }
  await tx.query(DROP, [options.retireAfterSeconds ?? DAY_SECONDS]);
}

function makeKey(seal: Seal): {
  readonly kid: string;
  readonly publicJwk: PublicJwk;
  readonly sealed: Buffer;
} {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const kid = randomBytes(12).toString('base64url');
  return {
    kid,
    publicJwk: { ...publicKey.export({ format: 'jwk' }), kid, alg: 'ES256', use: 'sig' },
    sealed: seal.seal(privateKey.export({ format: 'der', type: 'pkcs8' }), sealContext(kid)),
  };
}

function openRow(row: KeyRow, seal: Seal): HeldKey {
  const key = seal.open(row.sealed_private_key, sealContext(row.kid));
  const privateKey = createPrivateKey({ key, format: 'der', type: 'pkcs8' });
  return {
    kid: row.kid,
    publicJwk: row.public_jwk,
    signsFrom: row.signs_from,
    privateKey,
    publicKey: createPublicKey(privateKey),
  };
}

function sealContext(kid: string): string {
  return `signing key ${kid}`;
}
