import type { Clock } from '@flotilla/kernel';
import type { Queryable } from '@flotilla/postgres';
import type { Logger, Metrics } from '@flotilla/telemetry';

export interface CleanupHolderOptions {
  readonly db: Queryable;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

interface Holder {
  readonly pid: number;
  readonly application: string;
  readonly xmin: string;
}

/** Transactions of some seconds are nobody's concern. */
const WARN_AFTER_MS = 60_000;

// Ordinary roles see number, application and snapshot of all sessions.
const HOLDER = `
  SELECT pid, application_name AS application, backend_xmin::text AS xmin FROM pg_stat_activity
  WHERE datname = current_database() AND backend_xmin IS NOT NULL AND pid <> pg_backend_pid()
  ORDER BY age(backend_xmin) DESC LIMIT 1`;

/**
 * Watches for a session that keeps deleted rows from being cleaned up, with a transaction that stays open: tables grow,
 * and reads that pass such rows become slower. Returns the look to be repeated.
 */
export function watchCleanupHolder({
  db,
  clock,
  logger,
  metrics,
}: CleanupHolderOptions): () => Promise<void> {
  const held = metrics.gauge(
    'messaging_cleanup_held_seconds',
    'For how long one session has kept deleted rows of this database from being cleaned up.',
  );
  let last: (Holder & { readonly since: number; hasWarned: boolean }) | undefined;
  return async () => {
    const [holder] = await db.query<Holder>(HOLDER, []);
    const now = clock.now().getTime();
    const isSame = holder !== undefined && last?.pid === holder.pid && last.xmin === holder.xmin;
    if (!isSame) last = holder && { ...holder, since: now, hasWarned: false };
    const heldMs = last ? now - last.since : 0;
    held.set(heldMs / 1_000);
    if (!last || last.hasWarned || heldMs < WARN_AFTER_MS) return;
    last.hasWarned = true;
    const { pid, application } = last;
    logger.warn(
      { pid, application, heldMs },
      'a session keeps deleted rows from being cleaned up, tables grow and some reads become slower',
    );
  };
}
