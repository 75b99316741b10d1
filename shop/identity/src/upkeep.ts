import type { Database } from '@flotilla/postgres';
import type { IdentityApp } from './app.ts';

const EXPIRED: readonly string[] = [
  "DELETE FROM login_failure WHERE failed_at < now() - interval '1 day'",
  'DELETE FROM pace WHERE forgotten_at < now()',
  'DELETE FROM account_link WHERE expires_at < now()',
  'DELETE FROM used_challenge WHERE expires_at < now()',
  "DELETE FROM sign_in_place WHERE seen_at < now() - interval '90 days'",
  "DELETE FROM known_address WHERE seen_at < now() - interval '90 days'",
];

export interface Upkeep {
  readonly db: Database;
  readonly app: Pick<IdentityApp, 'keepUp'>;
}

/** Keeps the signing keys current and deletes what nothing can ask for any more. */
export async function keepUp({ db, app }: Upkeep): Promise<void> {
  await app.keepUp();
  for (const statement of EXPIRED) await db.query(statement);
}

/** Those that nobody used for too long, or that are too old: who was signed in by them is told. */
export async function endExpired({ sessions }: Pick<IdentityApp, 'sessions'>): Promise<void> {
  while ((await sessions.endExpired()) > 0);
}
