import { createHash, createHmac, hkdfSync, randomBytes } from 'node:crypto';
import { accept, type NewId, type Result, reject } from '@flotilla/kernel';
import type { Database, Queryable } from '@flotilla/postgres';

/** What became of a refresh token that could not be used. */
type RefreshRejection =
  | { readonly kind: 'invalid' }
  /** It was used, and its answer has arrived or is long gone: its family, which somebody else may hold, is revoked now. */
  | { readonly kind: 'replayed'; readonly familyId: string };

interface Rotation {
  readonly accountId: string;
  readonly refreshToken: string;
}

/**
 * Opaque refresh tokens, in families that are revoked as one. Only hashes are stored. Each has one successor, derived
 * from it, so that it can be given again without being kept: two tabs refresh at once, an answer is lost, a process
 * ends after COMMIT, and the login goes on.
 */
export interface RefreshTokens {
  /** Begins a family, at a login. */
  open(accountId: string): Promise<string>;
  /**
   * Uses a token up and gives its successor; the same one again for `repeatSeconds`, while nobody has used that.
   * Any other use of a used token revokes the family.
   */
  rotate(refreshToken: string): Promise<Result<Rotation, RefreshRejection>>;
  /** Ends the family of any of its tokens. An unknown one is nothing to end. */
  revoke(refreshToken: string): Promise<void>;
}

export interface RefreshTokensOptions {
  readonly db: Database;
  readonly newId: NewId;
  /** A secret of all replicas: whoever has it can derive successors. 32 bytes. */
  readonly key: Buffer;
  /** Default 10 s. */
  readonly repeatSeconds?: number;
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

// Uses of one token wait here for each other.
const FIND = `
  SELECT f.id AS family_id, f.account_id, t.used_at IS NOT NULL AS is_used,
    t.used_at > now() - $2 * interval '1 second' AS is_recent
  FROM refresh_token t JOIN refresh_family f ON f.id = t.family_id
  WHERE t.token_hash = $1 AND f.revoked_at IS NULL AND t.expires_at > now() AND f.expires_at > now()
  FOR UPDATE OF t`;

const USE = 'UPDATE refresh_token SET used_at = now() WHERE token_hash = $1';

const IS_UNUSED = 'SELECT 1 FROM refresh_token WHERE token_hash = $1 AND used_at IS NULL';

const REVOKE = `
  UPDATE refresh_family f SET revoked_at = now() FROM refresh_token t
  WHERE t.token_hash = $1 AND f.id = t.family_id AND f.revoked_at IS NULL`;

interface Found {
  readonly family_id: string;
  readonly account_id: string;
  readonly is_used: boolean;
  readonly is_recent: boolean | null;
}

export function createRefreshTokens(options: RefreshTokensOptions): RefreshTokens {
  const { db, newId, repeatSeconds = 10 } = options;
  const { familySeconds = 30 * DAY_SECONDS, idleSeconds = 14 * DAY_SECONDS } = options;
  const successorKey = Buffer.from(hkdfSync('sha256', options.key, '', 'successor of a refresh token', 32));

  return {
    open: (accountId) =>
      db.transaction(async (tx) => {
        const familyId = newId();
        const token = randomBytes(32).toString('base64url');
        await tx.query(OPEN, [familyId, accountId, familySeconds]);
        await tx.query(ADD, [hashOf(token), familyId, idleSeconds]);
        return token;
      }),
    rotate: (refreshToken) =>
      db.transaction(async (tx) => {
        const hash = hashOf(refreshToken);
        const [found] = await tx.query<Found>(FIND, [hash, repeatSeconds]);
        if (found === undefined) return reject({ kind: 'invalid' });
        const { family_id: familyId, account_id: accountId } = found;
        const successor = createHmac('sha256', successorKey).update(refreshToken).digest('base64url');
        if (!found.is_used) {
          await tx.query(USE, [hash]);
          await tx.query(ADD, [hashOf(successor), familyId, idleSeconds]);
        } else if (!found.is_recent || !(await isUnused(tx, successor))) {
          await tx.query(REVOKE, [hash]);
          return reject({ kind: 'replayed', familyId });
        }
        return accept({ accountId, refreshToken: successor });
      }),
    revoke: async (refreshToken) => {
      await db.query(REVOKE, [hashOf(refreshToken)]);
    },
  };
}

async function isUnused(on: Queryable, token: string): Promise<boolean> {
  return (await on.query(IS_UNUSED, [hashOf(token)])).length > 0;
}

/** The token has 256 random bits, so a fast hash without salt is enough. */
function hashOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
