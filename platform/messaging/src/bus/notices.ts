import { type Clock, startLoop } from '@flotilla/kernel';
import type { Database } from '@flotilla/postgres';
import type { Logger } from '@flotilla/telemetry';
import type { Notice, Watch, WatchOptions } from '../transport.ts';
import type { Notifier } from './notifier.ts';

export interface NoticesDeps {
  readonly db: Database;
  readonly notifier: Notifier;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** As the migrations of the bus call it. */
export const NOTICES = '@notices';

/** How often is looked without a notification; while none arrive, as often as the second. */
const INTERVAL_MS = 5_000;
const DEAF_INTERVAL_MS = 1_000;
/** Longer than any publish takes from its first row to its commit. */
const OVERLAP_SECONDS = 30;
const FORGET_EVERY_MS = 60_000;

interface NoticeRow extends Omit<Notice, 'enqueuedAt'> {
  readonly enqueued_at: Date;
}

/** Reads, by itself, what every process has to know. */
export function watchNotices({ db, notifier, clock, logger }: NoticesDeps, options: WatchOptions): Watch {
  const { types, sinceSeconds, onNotice } = options;
  const { promise: caughtUp, resolve } = Promise.withResolvers<void>();
  const seen = new Map<string, number>();
  let isDeclared = false;
  let lastReadAt: number | undefined;

  async function read(): Promise<boolean> {
    if (!isDeclared) await db.query('SELECT bus.watch($1::text[])', [types]);
    isDeclared = true;
    const startedAt = performance.now();
    const away = lastReadAt === undefined ? sinceSeconds : (startedAt - lastReadAt) / 1_000 + OVERLAP_SECONDS;
    const rows = await db.query<NoticeRow>('SELECT * FROM bus.notices($1::text[], $2)', [types, away]);
    for (const { enqueued_at: enqueuedAt, ...row } of rows) {
      if (seen.has(row.id)) continue;
      seen.set(row.id, startedAt);
      onNotice({ ...row, enqueuedAt });
    }
    const windowMs = (Math.max(away, OVERLAP_SECONDS) + OVERLAP_SECONDS) * 1_000;
    for (const [id, at] of seen) if (at < startedAt - windowMs) seen.delete(id);
    lastReadAt = startedAt;
    resolve();
    return false;
  }

  const common = { clock, logger };
  const intervalMs = () => (notifier.works() ? INTERVAL_MS : DEAF_INTERVAL_MS);
  const reader = startLoop({ ...common, name: 'notices', run: read, intervalMs });
  const forgetter = startLoop({
    ...{ ...common, name: 'old notices', intervalMs: FORGET_EVERY_MS },
    run: () => db.query('SELECT bus.forget_notices()', []).then(() => false),
  });
  const stopListening = notifier.listen(NOTICES, reader.wake);
  return {
    caughtUp,
    close: async () => {
      stopListening();
      await Promise.all([reader.stop(), forgetter.stop()]);
    },
  };
}
