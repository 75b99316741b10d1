import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Clock } from '@flotilla/kernel';
import type { Queryable, Transaction } from '@flotilla/postgres';

/** Secrets of confidential clients, hashed. */
export interface ClientSecrets {
  /** Takes the same time whether there is such a client or not. */
  matches(clientId: string, secret: string): Promise<boolean>;
  /** Makes a new one; those before it hold on for `overlapSeconds`. It is shown this once. */
  rotate(tx: Transaction, clientId: string, overlapSeconds: number): Promise<string>;
  /** Gives a client this secret if it has none. */
  seed(clientId: string, secret: string): Promise<void>;
}

/** Unreserved in an address: clients that should encode a secret in HTTP Basic and do not send it right all the same. */
const SAFE_SECRET = /^[A-Za-z0-9_~.-]+$/;

const LIVING = `
  SELECT secret_sha256 FROM auth_client_secret
  WHERE client_id = $1 AND (expires_at IS NULL OR expires_at > $2)`;

const NOTHING = Buffer.alloc(32);

export function createClientSecrets(on: () => Queryable, clock: Pick<Clock, 'now'>): ClientSecrets {
  return {
    matches: async (clientId, secret) => {
      const rows = await on().query<{ secret_sha256: Buffer }>(LIVING, [clientId, clock.now()]);
      const given = sha256(secret);
      const known = rows.length === 0 ? [NOTHING] : rows.map((row) => row.secret_sha256);
      return known.map((hash) => timingSafeEqual(hash, given)).includes(true);
    },
    rotate: async (tx, clientId, overlapSeconds) => {
      const now = clock.now();
      const until = new Date(now.getTime() + overlapSeconds * 1_000);
      await tx.query(
        'UPDATE auth_client_secret SET expires_at = least(expires_at, $2) WHERE client_id = $1',
        [clientId, until],
      );
      await tx.query('DELETE FROM auth_client_secret WHERE client_id = $1 AND expires_at <= $2', [
        clientId,
        now,
      ]);
      const secret = randomBytes(32).toString('base64url');
      await insert(tx, clientId, secret, now);
      return secret;
    },
    seed: async (clientId, secret) => {
      if (!SAFE_SECRET.test(secret))
        throw new RangeError(`the secret of ${clientId} may have letters, digits and -._~ only`);
      const [known] = await on().query('SELECT 1 FROM auth_client_secret WHERE client_id = $1 LIMIT 1', [
        clientId,
      ]);
      if (known === undefined) await insert(on(), clientId, secret, clock.now());
    },
  };
}

async function insert(on: Queryable, clientId: string, secret: string, now: Date): Promise<void> {
  await on.query(
    `INSERT INTO auth_client_secret (client_id, secret_sha256, created_at) VALUES ($1, $2, $3)
     ON CONFLICT DO NOTHING`,
    [clientId, sha256(secret), now],
  );
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
