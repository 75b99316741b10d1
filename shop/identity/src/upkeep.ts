import type { Database } from '@flotilla/postgres';
import type { SigningKeys } from './signing-keys.ts';

const EXPIRED: readonly string[] = [
  // Used tokens go with their family: until it has expired, a replay must be recognised.
  "DELETE FROM refresh_family WHERE expires_at < now() - interval '1 day'",
  "DELETE FROM login_failure WHERE failed_at < now() - interval '1 day'",
  'DELETE FROM sign_up_pace WHERE forgotten_at < now()',
  "DELETE FROM known_address WHERE seen_at < now() - interval '90 days'",
];

export interface Upkeep {
  readonly db: Database;
  readonly keys: Pick<SigningKeys, 'refresh'>;
}

/** Keeps the signing keys current and deletes what nothing can ask for any more. */
export async function keepUp({ db, keys }: Upkeep): Promise<void> {
  await keys.refresh();
  for (const statement of EXPIRED) await db.query(statement);
}
