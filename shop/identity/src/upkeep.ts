import { type Clock, toError } from '@flotilla/kernel';
import type { Database } from '@flotilla/postgres';
import type { Logger } from '@flotilla/telemetry';
import type { SigningKeys } from './signing-keys.ts';

export interface UpkeepOptions {
  readonly db: Database;
  readonly keys: Pick<SigningKeys, 'refresh'>;
  readonly clock: Pick<Clock, 'sleep'>;
  readonly logger: Logger;
  /** Default 5 minutes: much shorter than a new key is published before it signs. */
  readonly everyMs?: number;
}

const EXPIRED: readonly string[] = [
  // Used tokens go with their family: until it has expired, a replay must be recognised.
  "DELETE FROM refresh_family WHERE expires_at < now() - interval '1 day'",
  "DELETE FROM login_failure WHERE failed_at < now() - interval '1 day'",
  "DELETE FROM known_address WHERE seen_at < now() - interval '90 days'",
];

/** Keeps the signing keys current and deletes what nothing can ask for any more, until the signal is aborted. */
export async function runUpkeep(options: UpkeepOptions, signal: AbortSignal): Promise<void> {
  const { db, keys, clock, logger, everyMs = 5 * 60_000 } = options;
  while (!signal.aborted) {
    await clock.sleep(everyMs, signal).catch(() => undefined);
    if (signal.aborted) return;
    try {
      await keys.refresh();
      for (const statement of EXPIRED) await db.query(statement);
    } catch (thrown) {
      logger.warn({ err: toError(thrown) }, 'upkeep failed, trying again later');
    }
  }
}
