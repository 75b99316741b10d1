import type { Queryable } from '@flotilla/postgres';
import type { FeedPosition } from '../stream/position.ts';
import { type NextWork, VANISHED_AFTER_MS, type WorkMark } from './work-mark.ts';

/** `building`: filled until it can be seen. `retired`: kept for a rollback. `dropping`: its rows are being deleted. */
export type GenerationState = 'building' | 'active' | 'retired' | 'dropping';

/** One copy of a read model's rows, and how far it is. */
export interface Generation extends FeedPosition, WorkMark {
  readonly name: string;
  readonly generation: number;
  /** Of the definition that writes it. */
  readonly version: number;
  readonly state: GenerationState;
  /** A `pg_snapshot` of events beyond its position that it has handled. */
  readonly handled: string | null;
  readonly attempts: number;
  readonly is_halted: boolean;
  /** May work on it begin now? */
  readonly is_due: boolean;
}

const COLUMNS = `name, generation, version, state, xid::text, position, handled::text, attempts,
  halted_at IS NOT NULL AS is_halted, halted_at IS NULL AND next_attempt_at <= clock_timestamp() AS is_due,
  worked_by, worked_events, alone, crashes,
  COALESCE(worked_at > clock_timestamp() - interval '${VANISHED_AFTER_MS} ms', false) AS is_work_fresh`;

export async function readGenerations(db: Queryable, name: string): Promise<readonly Generation[]> {
  return await db.query<Generation>(
    `SELECT ${COLUMNS} FROM projection_generation WHERE name = $1 ORDER BY generation`,
    [name],
  );
}

/** The same in one look with whether an operator has asked for something. */
export async function surveyProjection(
  db: Queryable,
  name: string,
): Promise<{ readonly generations: readonly Generation[]; readonly isAsked: boolean }> {
  const rows = await db.query<Generation & { readonly is_asked: boolean }>(
    `SELECT ${COLUMNS}, EXISTS (
       SELECT FROM projection_command c WHERE c.name = $1 AND c.ended_at IS NULL AND c.status = 'pending') AS is_asked
     FROM projection_generation WHERE name = $1 ORDER BY generation`,
    [name],
  );
  return { generations: rows, isAsked: rows[0]?.is_asked === true };
}

/** The generation, ours until the transaction ends; `undefined` when another runner has it or it is not due. */
export async function claimGeneration(
  tx: Queryable,
  name: string,
  generation: number,
): Promise<Generation | undefined> {
  const [row] = await tx.query<Generation>(
    `SELECT ${COLUMNS} FROM projection_generation
     WHERE name = $1 AND generation = $2 FOR UPDATE SKIP LOCKED`,
    [name, generation],
  );
  return row?.is_due === true ? row : undefined;
}

/**
 * Notes that a runner reserves events of a claimed generation; without a runner, only how the next ones are to be taken. It is a hint about processes: should the server
 * fail, nothing is lost with it, so nobody waits for the disk.
 */
export async function markWork(
  tx: Queryable,
  { name, generation }: Generation,
  runner: string | null,
  { events, alone, crashes }: NextWork,
): Promise<void> {
  await tx.query(
    `WITH unhurried AS (SELECT set_config('synchronous_commit', 'off', true))
     UPDATE projection_generation SET worked_by = $3, worked_at = clock_timestamp(), worked_events = $4,
       alone = $5, crashes = $6
     FROM unhurried WHERE name = $1 AND generation = $2`,
    [name, generation, runner, events, alone, crashes],
  );
}

/** Nothing is left to handle of what was reserved. */
export async function clearWork(tx: Queryable, { name, generation }: Generation): Promise<void> {
  await tx.query(
    `UPDATE projection_generation SET worked_by = NULL, alone = 0, crashes = 0 WHERE name = $1 AND generation = $2`,
    [name, generation],
  );
}

/** A runner that stops in order holds no reserved events. */
export async function releaseWork(db: Queryable, runner: string): Promise<void> {
  await db.query('UPDATE projection_generation SET worked_by = NULL WHERE worked_by = $1', [runner]);
}

export interface Advance {
  readonly to: FeedPosition;
  /** How many events that was. */
  readonly events: number;
  /** How many the runner reserves next; `undefined`: none. */
  readonly next: number | undefined;
}

/** Notes how far a claimed generation is; false when it is somewhere else than it was claimed at. */
export async function advanceGeneration(
  tx: Queryable,
  claimed: Generation,
  { to, events, next }: Advance,
): Promise<boolean> {
  const alone = Math.max(0, claimed.alone - events);
  const rows = await tx.query(
    `UPDATE projection_generation SET xid = $5::xid8, position = $6, attempts = 0, crashes = 0, alone = $7,
       worked_by = CASE WHEN $8::integer IS NOT NULL THEN worked_by END, worked_events = $8,
       worked_at = clock_timestamp(), error = NULL, failed_xid = NULL, failed_position = NULL, failed_event = NULL,
       unknown_since = NULL
     WHERE name = $1 AND generation = $2 AND xid = $3::xid8 AND position = $4 RETURNING generation`,
    [
      claimed.name,
      claimed.generation,
      claimed.xid,
      claimed.position,
      to.xid,
      to.position,
      alone,
      // One by one each is reserved anew, when nothing else is at work: a mark left standing would be blamed for the others' ends.
      next === undefined || alone > 0 ? null : next,
    ],
  );
  return rows.length === 1;
}

/** What stands in the way. */
export interface Obstacle {
  readonly at: FeedPosition;
  /** `order-placed, version 1 of order-…`: what an operator reads. */
  readonly event: string;
  readonly error: string;
}

export interface Failure extends Obstacle {
  readonly retryInMs: number;
  readonly halts: boolean;
}

/** Notes that the next event could not be handled, unless somebody has moved the generation meanwhile. */
export async function failGeneration(db: Queryable, claimed: Generation, failure: Failure): Promise<boolean> {
  const rows = await db.query(
    `UPDATE projection_generation SET attempts = attempts + 1, error = $5, worked_by = NULL,
       failed_xid = $6::xid8, failed_position = $7, failed_event = $8, unknown_since = NULL,
       next_attempt_at = clock_timestamp() + make_interval(secs => $9::float8 / 1000),
       halted_at = CASE WHEN $10 THEN clock_timestamp() END
     WHERE name = $1 AND generation = $2 AND xid = $3::xid8 AND position = $4 AND halted_at IS NULL
     RETURNING generation`,
    [
      claimed.name,
      claimed.generation,
      claimed.xid,
      claimed.position,
      failure.error,
      failure.at.xid,
      failure.at.position,
      failure.event,
      failure.retryInMs,
      failure.halts,
    ],
  );
  return rows.length === 1;
}

/**
 * Notes that a runner does not know the next event, and leaves the generation to others. Resolves with how long that
 * event has waited so, by the database's clock: 0 for the first who meets it, `undefined` when somebody has moved the generation meanwhile.
 */
export async function leaveGeneration(
  db: Queryable,
  claimed: Generation,
  { at, event, error }: Obstacle,
): Promise<number | undefined> {
  // The statement's own time is the same in both places, so that the first one gets exactly 0.
  const [row] = await db.query<{ waited_ms: number }>(
    `UPDATE projection_generation SET worked_by = NULL, error = $5,
       failed_xid = $6::xid8, failed_position = $7, failed_event = $8,
       unknown_since = CASE WHEN failed_xid = $6::xid8 AND failed_position = $7
         THEN COALESCE(unknown_since, statement_timestamp()) ELSE statement_timestamp() END
     WHERE name = $1 AND generation = $2 AND xid = $3::xid8 AND position = $4 AND halted_at IS NULL
     RETURNING (EXTRACT(epoch FROM statement_timestamp() - unknown_since) * 1000)::float8 AS waited_ms`,
    [claimed.name, claimed.generation, claimed.xid, claimed.position, error, at.xid, at.position, event],
  );
  return row?.waited_ms;
}
