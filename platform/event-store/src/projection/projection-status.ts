import type { Clock } from '@flotilla/kernel';
import type { Queryable } from '@flotilla/postgres';
import type { FeedPosition } from '../stream/position.ts';
import type { GenerationState } from './generation-store.ts';

export interface GenerationStatus {
  readonly name: string;
  readonly inline: boolean;
  readonly generation: number;
  readonly version: number;
  readonly state: GenerationState;
  /** Events it has not handled; counted up to 10,000. Always 0 for an inline one that readers see. */
  readonly lagEvents: number;
  /** Age of the oldest of them. */
  readonly lagSeconds: number;
  readonly isHalted: boolean;
  /** For a runner whose code knows the next event. */
  readonly isWaiting: boolean;
  readonly attempts: number;
  /** Processes that ended over the next event while they handled it alone. */
  readonly crashes: number;
  /** What went wrong last, and at which event; `null` when all is well. */
  readonly error: string | null;
  readonly failedEvent: string | null;
  readonly failedPosition: string | null;
}

const STATUS = `
  SELECT g.name, p.inline, g.generation, g.version, g.state,
    lag.events AS "lagEvents", lag.seconds AS "lagSeconds",
    g.halted_at IS NOT NULL AS "isHalted",
    g.unknown_since IS NOT NULL AND g.failed_xid IS NOT NULL AND g.state IN ('building', 'active') AS "isWaiting",
    g.attempts, g.crashes, g.error,
    g.failed_event AS "failedEvent", g.failed_position AS "failedPosition"
  FROM projection_generation g JOIN projection p ON p.name = g.name, LATERAL (
    SELECT count(*)::integer AS events,
      COALESCE(EXTRACT(epoch FROM clock_timestamp() - min(unhandled.recorded_at)), 0)::float8 AS seconds
    FROM (
      SELECT e.recorded_at FROM event e
      WHERE e.category = ANY (p.categories) AND (e.xid, e.position) > (g.xid, g.position)
        AND (g.handled IS NULL OR NOT pg_visible_in_snapshot(e.xid, g.handled))
        AND g.state <> 'dropping' AND NOT (p.inline AND g.state = 'active')
      LIMIT 10000) AS unhandled) AS lag
  ORDER BY g.name, g.generation`;

/** Every generation of every projection of the database. */
export async function listProjections(db: Queryable): Promise<GenerationStatus[]> {
  return await db.query(STATUS);
}

const IS_CAUGHT_UP = `
  SELECT NOT EXISTS (
    SELECT FROM event e
    WHERE e.category = ANY (p.categories) AND (e.xid, e.position) > (g.xid, g.position)
      AND (e.xid, e.position) <= ($2::xid8, $3::bigint) AND NOT p.inline) AS done
  FROM projection p JOIN projection_generation g ON g.name = p.name AND g.generation = p.active
  WHERE p.name = $1`;

export interface CaughtUpOptions {
  readonly clock: Clock;
  /** Default 5,000 ms. */
  readonly timeoutMs?: number;
  /** Default 20 ms. */
  readonly pollIntervalMs?: number;
}

/**
 * Waits until what readers see contains the event at `position` and what was committed before it: for reading one's
 * own writes from an asynchronous projection. False when it does not within the time. `position` is what `append`
 * returned, after its commit.
 */
export async function projectionCaughtUp(
  db: Queryable,
  name: string,
  position: FeedPosition,
  { clock, timeoutMs = 5_000, pollIntervalMs = 20 }: CaughtUpOptions,
): Promise<boolean> {
  const endMs = clock.now().getTime() + timeoutMs;
  for (;;) {
    const [row] = await db.query<{ done: boolean }>(IS_CAUGHT_UP, [name, position.xid, position.position]);
    if (row?.done === true) return true;
    if (clock.now().getTime() >= endMs) return false;
    await clock.sleep(pollIntervalMs);
  }
}
