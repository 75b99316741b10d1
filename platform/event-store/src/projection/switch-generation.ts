import { crashPoint, isPlatformError } from '@flotilla/kernel';
import { type Database, type Queryable, type Transaction, withDeadline } from '@flotilla/postgres';
import { feedRows } from '../feed/feed.ts';
import { deadlineOf, handleRows, isUnknownEvent } from './feed-generation.ts';
import type { FeedingDeps } from './feeding.ts';
import { claimGeneration, type Generation, markWork } from './generation-store.ts';
import type { Projection } from './projection.ts';
import { judge } from './work-mark.ts';

/** What may be left to do while appends (inline) or the old generation (asynchronous) have to wait. */
const MOST_EVENTS = 500;

/** How long appends queue behind a switch that itself waits for running appends; then they go first. */
const LOCK_TIMEOUT_MS = 200;

/** Is so little left that a switch can do it? Looked at before it locks anything. */
export async function isNearlyBuilt(
  db: Queryable,
  { categories }: Projection,
  { name, generation }: Generation,
): Promise<boolean> {
  const [row] = await db.query<{ count: number }>(
    `SELECT count(*)::integer AS count FROM projection_generation g, LATERAL (
       SELECT FROM event e WHERE e.category = ANY ($3) AND (e.xid, e.position) > (g.xid, g.position)
         AND (g.handled IS NULL OR NOT pg_visible_in_snapshot(e.xid, g.handled))
       LIMIT ${MOST_EVENTS + 1}) AS rest
     WHERE g.name = $1 AND g.generation = $2`,
    [name, generation, [...categories.keys()]],
  );
  return row !== undefined && row.count <= MOST_EVENTS;
}

/**
 * Makes a built generation the one that readers see, and keeps the old one for a rollback. One transaction; readers
 * see one or the other, and never an older state than before. Resolves with false when it is not the moment: too much
 * is left, or somebody holds what is needed.
 */
export async function switchGeneration(
  deps: FeedingDeps,
  projection: Projection,
  building: Generation,
): Promise<boolean> {
  if (!(await takeRestInHand(deps, building))) return false;
  const switched = await trySwitch(deps, projection, building).catch((error: unknown) => {
    // What is unknown here is met again by the feed, which leaves it to others.
    if (isLockTimeout(error) || isUnknownEvent(error)) return false;
    throw error;
  });
  if (switched) {
    crashPoint('projection.after-switch-commit');
    deps.logger.info(
      { projection: building.name, generation: building.generation, version: building.version },
      'readers see another generation of a projection',
    );
  }
  return switched;
}

/** Its handlers may end the process too: then the events are handled one by one before the next try. */
async function takeRestInHand(
  { db, runner }: FeedingDeps,
  { name, generation }: Generation,
): Promise<boolean> {
  const taken = await db.transaction(async (tx) => {
    const claimed = await claimGeneration(tx, name, generation);
    if (claimed?.state !== 'building' || claimed.alone > 0) return false;
    const standing = judge(claimed, runner);
    if (standing === 'others' || standing === 'abandoned') return false;
    await markWork(tx, claimed, runner, { events: MOST_EVENTS, alone: 0, crashes: claimed.crashes });
    crashPoint('projection.before-mark-commit');
    return true;
  });
  if (taken) crashPoint('projection.after-mark-commit');
  return taken;
}

async function trySwitch(
  { db, handlerTimeoutMs, runner }: FeedingDeps,
  projection: Projection,
  { name, generation }: Generation,
): Promise<boolean> {
  return await db.transaction(async (tx) => {
    await tx.query(`SET LOCAL lock_timeout = ${LOCK_TIMEOUT_MS}`);
    await stopOld(tx, projection);
    const claimed = await claimGeneration(tx, name, generation);
    if (claimed?.state !== 'building' || judge(claimed, runner) !== 'ours') return false;
    const rows = await feedRows(tx, {
      categories: [...projection.categories.keys()],
      after: claimed,
      handled: claimed.handled,
      limit: MOST_EVENTS + 1,
      // No append is under way that this generation would not get: whoever comes next writes to it.
      beyondHorizon: projection.inline,
    });
    if (rows.length > MOST_EVENTS) return false;
    await withDeadline(tx, deadlineOf(handlerTimeoutMs), () =>
      handleRows(tx, projection, generation, rows, { done: 0 }),
    );
    await retireOld(tx, projection);
    const last = rows.at(-1) ?? claimed;
    await tx.query(
      `UPDATE projection_generation SET state = 'active', xid = $3::xid8, position = $4, handled = NULL,
         attempts = 0, crashes = 0, worked_by = NULL, error = NULL, unknown_since = NULL
       WHERE name = $1 AND generation = $2`,
      [name, generation, last.xid, last.position],
    );
    await tx.query('UPDATE projection SET active = $2 WHERE name = $1', [name, generation]);
    await tx.query(
      `UPDATE projection_command SET status = 'done', ended_at = clock_timestamp(),
         outcome = 'generation ' || $2 || ' is what readers see'
       WHERE name = $1 AND status = 'running'`,
      [name, String(generation)],
    );
    crashPoint('projection.before-switch-commit');
    return true;
  });
}

/** From here to the commit the old generation does not move. */
async function stopOld(tx: Transaction, projection: Projection): Promise<void> {
  if (projection.inline) await tx.query('SELECT pg_advisory_xact_lock(inline_projection_lock())');
  else
    await tx.query("SELECT FROM projection_generation WHERE name = $1 AND state = 'active' FOR UPDATE", [
      projection.name,
    ]);
}

/**
 * Before a rollback it has to catch up. An asynchronous generation goes on where it stands; an inline one has handled
 * exactly the events that are visible now.
 */
async function retireOld(tx: Transaction, { name, inline }: Projection): Promise<void> {
  const mark = `, xid = pg_snapshot_xmin(pg_current_snapshot()), position = 0, handled = pg_current_snapshot()`;
  await tx.query(
    `UPDATE projection_generation SET state = 'retired'${inline ? mark : ''} WHERE name = $1 AND state = 'active'`,
    [name],
  );
}

function isLockTimeout(error: unknown): boolean {
  return isPlatformError(error) && error.details['sqlState'] === '55P03';
}

const DROP_BATCH = 5_000;

/** Deletes what a generation left behind: one batch, or itself when nothing is left. */
export async function dropGeneration(
  db: Database,
  projection: Pick<Projection, 'tables'> | undefined,
  { name, generation }: Generation,
): Promise<void> {
  crashPoint('projection.before-drop');
  for (const table of projection?.tables ?? []) {
    const rows = await db.query(
      `DELETE FROM ${table} WHERE ctid = ANY (ARRAY(SELECT ctid FROM ${table} WHERE generation = $1 LIMIT ${DROP_BATCH}))
       RETURNING generation`,
      [generation],
    );
    if (rows.length > 0) return;
  }
  await db.query(
    `DELETE FROM projection_generation WHERE name = $1 AND generation = $2 AND state = 'dropping'`,
    [name, generation],
  );
  crashPoint('projection.after-drop');
}
