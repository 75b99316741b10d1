import type { FairRooms } from '@flotilla/kernel';
import type { Queryable } from '@flotilla/postgres';
import { INSTANCE_COLUMNS, type InstanceRow } from './instances.ts';

/** The places left at each step that has a limit: all three are as long. */
export interface StepRooms {
  readonly types: readonly string[];
  readonly steps: readonly string[];
  readonly places: readonly number[];
}

/** How many times what is wanted is looked at. */
const LOOK_AHEAD = 8;

// A lease that ran out means that its holder may have made the call: the attempt counts.
// Of one key, and at one step, no more is taken than there is room for; what needs no place, because it turns around, is
// not held up. Some more than are wanted are looked at, or one key's would hide what others have.
const CLAIM = `
  WITH room AS (
    SELECT * FROM unnest($6::text[], $7::int[]) AS r (fair_key, places)
  ), step_room AS (
    SELECT * FROM unnest($9::text[], $10::text[], $11::int[]) AS r (type, step, places)
  ), candidate AS (
    SELECT id, fair_key, type, step, next_attempt_at,
      direction = 'do' AND cancel_reason IS NULL AND deadline_at > now() AS calls
    FROM saga_instance i
    WHERE ended_at IS NULL AND next_attempt_at <= now() AND (lease_until IS NULL OR lease_until < now())
      AND (type, def_version) IN (SELECT known.type, known.version FROM unnest($1::text[], $2::int[])
                                  AS known (type, version))
      AND (fair_key IS NULL OR fair_key <> ALL (ARRAY(SELECT r.fair_key FROM room r WHERE r.places <= 0)))
      AND NOT (direction = 'do' AND cancel_reason IS NULL AND deadline_at > now()
        AND (type, step) IN (SELECT r.type, r.step FROM step_room r WHERE r.places <= 0))
    ORDER BY next_attempt_at LIMIT $3 * ${LOOK_AHEAD} FOR UPDATE SKIP LOCKED
  ), ranked AS (
    SELECT c.id, c.next_attempt_at,
      c.fair_key IS NULL OR coalesce(r.places, $8) >=
        row_number() OVER (PARTITION BY c.fair_key ORDER BY c.next_attempt_at) AS fair,
      NOT c.calls OR s.places IS NULL OR s.places >=
        row_number() OVER (PARTITION BY c.type, c.step, c.calls ORDER BY c.next_attempt_at) AS placed
    FROM candidate c LEFT JOIN room r ON r.fair_key = c.fair_key
      LEFT JOIN step_room s ON s.type = c.type AND s.step = c.step
  ), due AS (
    SELECT id FROM ranked WHERE fair AND placed ORDER BY next_attempt_at LIMIT $3
  )
  UPDATE saga_instance i SET lease_owner = $4, lease_until = clock_timestamp() + $5 * interval '1 ms',
    lease_epoch = i.lease_epoch + 1, attempt = i.attempt + (i.lease_owner IS NOT NULL)::int
  FROM due WHERE i.id = due.id
  RETURNING ${INSTANCE_COLUMNS}`;

export interface ClaimRequest {
  readonly known: readonly { readonly type: string; readonly version: number }[];
  readonly limit: number;
  readonly owner: string;
  readonly leaseMs: number;
  readonly rooms: FairRooms;
  readonly stepRooms: StepRooms;
}

/** Leases due instances of the known definitions that there is room for, the longest waiting first. */
export async function claimDue(db: Queryable, request: ClaimRequest): Promise<InstanceRow[]> {
  const { known, limit, owner, leaseMs, rooms, stepRooms } = request;
  const types = known.map((definition) => definition.type);
  const versions = known.map((definition) => definition.version);
  return await db.query<InstanceRow>(CLAIM, [
    ...[types, versions, limit, owner, leaseMs],
    ...[rooms.keys, rooms.places, rooms.ofOthers],
    ...[stepRooms.types, stepRooms.steps, stepRooms.places],
  ]);
}

// Only what is due soon is looked at, however many instances wait for long. Planned each time: a plan made while the table is
// empty would read all of it later.
const nextDue = (withinMs: number) => `
  SELECT (extract(epoch FROM min(greatest(next_attempt_at, lease_until)) - clock_timestamp()) * 1000)::float8 AS "dueInMs"
  FROM saga_instance WHERE ended_at IS NULL AND next_attempt_at <= now() + ${Math.ceil(withinMs)} * interval '1 ms'`;

/** When the next instance falls due or the lease of one runs out, if that is within `withinMs`. */
export async function nextDueInMs(db: Queryable, withinMs: number): Promise<number | null> {
  const [row] = await db.query<{ dueInMs: number | null }>(nextDue(withinMs));
  return row?.dueInMs ?? null;
}

/** An owner is the instance id and 37 characters that differ in each life of its process. */
const FREE_PREVIOUS_LIFE = `
  UPDATE saga_instance SET lease_owner = NULL, lease_until = NULL, lease_epoch = lease_epoch + 1,
    attempt = attempt + 1
  WHERE ended_at IS NULL AND left(lease_owner, -37) = $1 AND lease_owner <> $2
  RETURNING id`;

/** Frees what an earlier life of this process held, so that it need not wait for its lease to run out. */
export async function freePreviousLife(db: Queryable, instanceId: string, owner: string): Promise<number> {
  return (await db.query(FREE_PREVIOUS_LIFE, [instanceId, owner])).length;
}

export interface Held {
  readonly id: string;
  readonly epoch: number;
}

// Rows that somebody has locked are passed over: one hanging cancellation must not cost all other leases.
const RENEW = `
  WITH mine AS (
    SELECT i.id FROM saga_instance i JOIN unnest($1::uuid[], $2::int[]) AS held (id, epoch)
      ON i.id = held.id AND i.lease_epoch = held.epoch AND i.lease_owner IS NOT NULL
  ), unlocked AS (
    SELECT id FROM saga_instance WHERE id IN (SELECT id FROM mine) FOR UPDATE SKIP LOCKED
  ), renewed AS (
    UPDATE saga_instance i SET lease_until = clock_timestamp() + $3 * interval '1 ms'
    FROM unnest($1::uuid[], $2::int[]) AS held (id, epoch)
    WHERE i.id = held.id AND i.lease_epoch = held.epoch AND i.lease_owner IS NOT NULL
      AND i.id IN (SELECT id FROM unlocked)
    RETURNING i.id
  )
  SELECT mine.id, renewed.id IS NOT NULL AS renewed FROM mine LEFT JOIN renewed USING (id)`;

/** Renews leases. Tells of each id that is still held whether it was renewed; an id it does not tell of is lost. */
export async function renewLeases(
  db: Queryable,
  held: readonly Held[],
  leaseMs: number,
): Promise<ReadonlyMap<string, boolean>> {
  const ids = held.map(({ id }) => id);
  const epochs = held.map(({ epoch }) => epoch);
  const rows = await db.query<{ id: string; renewed: boolean }>(RENEW, [ids, epochs, leaseMs]);
  return new Map(rows.map(({ id, renewed }) => [id, renewed]));
}

/** Gives instances back, due at once. */
export async function releaseLeases(
  db: Queryable,
  held: readonly Held[],
  called: 'called' | 'not-called',
): Promise<void> {
  const sql = `
    UPDATE saga_instance i SET lease_owner = NULL, lease_until = NULL, attempt = i.attempt + $3
    FROM unnest($1::uuid[], $2::int[]) AS held (id, epoch)
    WHERE i.id = held.id AND i.lease_epoch = held.epoch AND i.ended_at IS NULL`;
  const ids = held.map(({ id }) => id);
  const epochs = held.map(({ epoch }) => epoch);
  await db.query(sql, [ids, epochs, called === 'called' ? 1 : 0]);
}

/** Gives an instance back for which there is nothing to do until then; `false` when it changed meanwhile. */
export async function rest(
  db: Queryable,
  { id, epoch, version }: Held & { readonly version: number },
  waitMs: number,
): Promise<boolean> {
  const rows = await db.query(
    `UPDATE saga_instance SET lease_owner = NULL, lease_until = NULL,
       next_attempt_at = clock_timestamp() + $4 * interval '1 ms'
     WHERE id = $1 AND lease_epoch = $2 AND version = $3 AND lease_owner IS NOT NULL RETURNING id`,
    [id, epoch, version, waitMs],
  );
  return rows.length === 1;
}
