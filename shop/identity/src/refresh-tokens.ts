import { createHash, randomBytes } from 'node:crypto';
import { accept, type NewId, type Result, reject } from '@flotilla/kernel';
import type { Database, Queryable } from '@flotilla/postgres';

/** What became of a refresh token that could not be used. */
type RefreshRejection =
  | { readonly kind: 'invalid' }
  /** It had been used before: its family, which somebody else may hold, is revoked now. */
  | { readonly kind: 'replayed'; readonly familyId: string };

interface Rotation {
  readonly accountId: string;
  readonly refreshToken: string;
}

/** Opaque refresh tokens: single use, in families that are revoked as one. Only hashes are stored. */
export interface RefreshTokens {
  /** Begins a family, at a login. */
  open(accountId: string): Promise<string>;
  /** Uses a token up and gives the next one. Of several concurrent uses exactly one succeeds. */
  rotate(refreshToken: string): Promise<Result<Rotation, RefreshRejection>>;
  /** Ends the family of any of its tokens. An unknown one is nothing to end. */
  revoke(refreshToken: string): Promise<void>;
}

export interface RefreshTokensOptions {
  readonly db: Database;
  readonly newId: NewId;
  /** A family ends so long after its login whatever happens. Default 30 days. */
  readonly familySeconds?: number;
  /** A token that was not used for so long is dead. Default 14 days. */
  readonly idleSeconds?: number;
}

const DAY_SECONDS = 24 * 60 * 60;

const OPEN = `
  INSERT INTO refresh_family (id, account_id, expires_at) VALUES ($1, $2, now() + $3 * interval '1 second')`;

const ADD = `
  INSERT INTO refresh_token (token_hash, family_id, expires_at) VALUES ($1, $2, now() + $3 * interval '1 second')`;

// A concurrent use waits here for the row and then finds it used.
const USE = `
  UPDATE refresh_token t SET used_at = now() FROM refresh_family f
  WHERE t.token_hash = $1 AND f.id = t.family_id AND t.used_at IS NULL AND f.revoked_at IS NULL
    AND t.expires_at > now() AND f.expires_at > now()
  RETURNING f.id AS family_id, f.account_id`;

const REVOKE_REPLAYED = `
  UPDATE refresh_family f SET revoked_at = coalesce(f.revoked_at, now()) FROM refresh_token t
  WHERE t.token_hash = $1 AND t.used_at IS NOT NULL AND f.id = t.family_id RETURNING f.id`;

const REVOKE = `
  UPDATE refresh_family f SET revoked_at = now() FROM refresh_token t
  WHERE t.token_hash = $1 AND f.id = t.family_id AND f.revoked_at IS NULL`;

export function createRefreshTokens(options: RefreshTokensOptions): RefreshTokens {
  const { db, newId, familySeconds = 30 * DAY_SECONDS, idleSeconds = 14 * DAY_SECONDS } = options;

  async function add(on: Queryable, familyId: string): Promise<string> {
    const token = randomBytes(32).toString('base64url');
    await on.query(ADD, [hashOf(token), familyId, idleSeconds]);
    return token;
  }

  return {
    open: (accountId) =>
      db.transaction(async (tx) => {
        const familyId = newId();
        await tx.query(OPEN, [familyId, accountId, familySeconds]);
        return await add(tx, familyId);
      }),
    rotate: async (refreshToken) => {
      const hash = hashOf(refreshToken);
      const rotated = await db.transaction(async (tx) => {
        const [used] = await tx.query<{ family_id: string; account_id: string }>(USE, [hash]);
        return used && { accountId: used.account_id, refreshToken: await add(tx, used.family_id) };
      });
      if (rotated) return accept(rotated);
      const [replayed] = await db.query<{ id: string }>(REVOKE_REPLAYED, [hash]);
      return reject(replayed ? { kind: 'replayed', familyId: replayed.id } : { kind: 'invalid' });
    },
    revoke: async (refreshToken) => {
      await db.query(REVOKE, [hashOf(refreshToken)]);
    },
  };
}

/** The token has 256 random bits, so a fast hash without salt is enough. */
function hashOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
