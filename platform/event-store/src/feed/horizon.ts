import type { Queryable } from '@flotilla/postgres';

/** The transaction that feeds wait for. */
export interface HorizonHolder {
  /** `null`: a prepared transaction, which no process runs. */
  readonly pid: number | null;
  readonly application: string;
  readonly database: string;
  readonly state: string;
}

export interface Horizon {
  /** Age of the oldest committed event that feeds do not show yet; 0 when they show everything. */
  readonly lagSeconds: number;
  /** Absent when nothing waits or the holder has just ended. */
  readonly holder?: HorizonHolder;
}

const LAG = `SELECT COALESCE(EXTRACT(epoch FROM clock_timestamp() - min(e.recorded_at)), 0)::float8 AS lag
  FROM event e WHERE e.xid >= pg_snapshot_xmin(pg_current_snapshot())`;

// Ordinary roles see number, application and database of all sessions, and the state of their own.
const HOLDER = `
  SELECT pid, COALESCE(application, '') AS application, COALESCE(database, '') AS database, COALESCE(state, '') AS state
  FROM (
    SELECT pid, application_name AS application, datname AS database, state, backend_xid AS xid
      FROM pg_stat_activity WHERE backend_xid IS NOT NULL AND pid <> pg_backend_pid()
    UNION ALL
    SELECT NULL, 'prepared transaction ' || gid, database, 'prepared', transaction FROM pg_prepared_xacts
  ) AS writers ORDER BY age(xid) DESC LIMIT 1`;

/**
 * How far feeds are behind, and who holds them back: a transaction anywhere on the server, in any database, that has
 * written something and not ended.
 */
export async function readHorizon(db: Queryable): Promise<Horizon> {
  const [row] = await db.query<{ lag: number }>(LAG);
  const lagSeconds = row?.lag ?? 0;
  if (lagSeconds === 0) return { lagSeconds };
  const [holder] = await db.query<HorizonHolder>(HOLDER);
  return { lagSeconds, ...(holder && { holder }) };
}
