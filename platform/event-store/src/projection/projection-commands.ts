import { crashPoint } from '@flotilla/kernel';
import type { Database, Queryable, Transaction } from '@flotilla/postgres';
import type { Logger } from '@flotilla/telemetry';
import { type Generation, readGenerations } from './generation-store.ts';
import type { Projections } from './projection.ts';

/**
 * - `rebuild`: fill a new generation by the newest version of the definition, then show it.
 * - `rollback`: show the generation before once it has caught up; or, during a rebuild, give that up.
 * - `skip`: leave out the event a projection has halted at, or waits with until it is known, and go on behind it.
 * - `resume`: try that event again.
 */
export type ProjectionVerb = 'rebuild' | 'rollback' | 'skip' | 'resume';

export interface ProjectionRequest {
  readonly name: string;
  readonly verb: ProjectionVerb;
  /** Who asks, for the audit. */
  readonly by: string;
  /** For `skip`: `failedPosition` of the status the operator looked at. */
  readonly atPosition?: string;
}

export interface ProjectionCommand {
  readonly id: string;
  readonly name: string;
  readonly verb: ProjectionVerb;
  readonly status: 'pending' | 'running' | 'done' | 'refused' | 'abandoned';
  readonly requestedBy: string;
  readonly requestedAt: Date;
  /** What came of it, or why it was refused. */
  readonly outcome: string | null;
}

/**
 * Asks whoever runs this projection to do something; resolves with the number of the command. It is kept as the record
 * of who did what. Nothing happens while no runner runs.
 *
 * Sagas have a table of their own for such orders (`saga_operation`), and the two stay apart: a command here runs until its
 * generation is built and is the record itself, an order there is done in one transaction, may be withdrawn, and is deleted
 * after its time. All that they share is one `FOR UPDATE SKIP LOCKED`; both tables are published.
 */
export async function requestProjection(db: Queryable, request: ProjectionRequest): Promise<string> {
  const [row] = await db.query<{ id: string }>(
    `INSERT INTO projection_command (name, verb, requested_by, at_position) VALUES ($1, $2, $3, $4) RETURNING id`,
    [request.name, request.verb, request.by, request.atPosition ?? null],
  );
  return row?.id ?? '';
}

const COMMAND = `id, name, verb, status, requested_by AS "requestedBy", requested_at AS "requestedAt", outcome`;

export async function readProjectionCommand(
  db: Queryable,
  id: string,
): Promise<ProjectionCommand | undefined> {
  const [row] = await db.query<ProjectionCommand>(`SELECT ${COMMAND} FROM projection_command WHERE id = $1`, [
    id,
  ]);
  return row;
}

/** What was asked for last, newest first. */
export async function listProjectionCommands(
  db: Queryable,
  limit: number = 20,
): Promise<ProjectionCommand[]> {
  return await db.query(`SELECT ${COMMAND} FROM projection_command ORDER BY id DESC LIMIT $1`, [limit]);
}

type Outcome = Pick<ProjectionCommand, 'status' | 'outcome'>;

/** Carries out the oldest pending command of a projection; true when there was one. */
export async function carryOutCommand(
  db: Database,
  projections: Projections,
  name: string,
  logger: Logger,
): Promise<boolean> {
  const found = await db.transaction(async (tx) => {
    const [command] = await tx.query<ProjectionCommand & { at_position: string | null }>(
      `SELECT ${COMMAND}, at_position FROM projection_command
       WHERE name = $1 AND status = 'pending' ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED`,
      [name],
    );
    if (command === undefined) return undefined;
    const generations = await lockGenerations(tx, name);
    const { status, outcome } = await VERBS[command.verb](tx, { projections, name, generations, command });
    await tx.query(
      `UPDATE projection_command SET status = $2, outcome = $3,
         ended_at = CASE WHEN $2 <> 'running' THEN clock_timestamp() END WHERE id = $1`,
      [command.id, status, outcome],
    );
    crashPoint('projection.before-command-commit');
    return { projection: name, verb: command.verb, by: command.requestedBy, status, outcome };
  });
  if (found === undefined) return false;
  crashPoint('projection.after-command-commit');
  logger.info(found, 'an operator asked something of a projection');
  return true;
}

async function lockGenerations(tx: Transaction, name: string): Promise<readonly Generation[]> {
  await tx.query('SELECT FROM projection_generation WHERE name = $1 ORDER BY generation FOR UPDATE', [name]);
  return await readGenerations(tx, name);
}

interface Circumstances {
  readonly projections: Projections;
  readonly name: string;
  readonly generations: readonly Generation[];
  readonly command: { readonly at_position: string | null };
}

type CarryOut = (tx: Transaction, circumstances: Circumstances) => Promise<Outcome>;

const refused = (outcome: string): Outcome => ({ status: 'refused', outcome });

const rebuild: CarryOut = async (tx, { projections, name, generations }) => {
  const newest = projections.newest(name);
  if (generations.length === 0 || newest === undefined) return refused(`there is no projection ${name}`);
  if (generations.some(({ state }) => state === 'building'))
    return refused('a generation is being built already');
  const next = Math.max(...generations.map(({ generation }) => generation)) + 1;
  await setState(tx, name, 'retired', 'dropping');
  await tx.query(
    `INSERT INTO projection_generation (name, generation, version, state) VALUES ($1, $2, $3, 'building')`,
    [name, next, newest.version],
  );
  return { status: 'running', outcome: `generation ${next} is being built by version ${newest.version}` };
};

const rollback: CarryOut = async (tx, { projections, name, generations }) => {
  const active = generations.find(({ state }) => state === 'active');
  const building = generations.find(({ state }) => state === 'building');
  if (building && active === undefined)
    return refused('there is nothing to go back to: the first one is being built');
  if (building) {
    await tx.query(
      `UPDATE projection_command SET status = 'abandoned', ended_at = clock_timestamp()
       WHERE name = $1 AND status = 'running'`,
      [name],
    );
    await setState(tx, name, 'building', 'dropping');
    return { status: 'done', outcome: `the build of generation ${building.generation} is given up` };
  }
  const retired = generations.find(({ state }) => state === 'retired');
  if (retired === undefined) return refused('no generation is kept to go back to');
  if (projections.find(name, retired.version) === undefined)
    return refused(
      `generation ${retired.generation} needs version ${retired.version}, which is not defined any more`,
    );
  await setState(tx, name, 'retired', 'building');
  return { status: 'running', outcome: `generation ${retired.generation} is catching up` };
};

const skip: CarryOut = async (tx, { name, command }) => {
  const [row] = await tx.query<{ generation: number; failed_event: string; error: string }>(
    `UPDATE projection_generation g SET xid = failed_xid, position = failed_position, ${CLEARED}
     FROM (SELECT generation, failed_event, error FROM projection_generation
           WHERE name = $1 AND (halted_at IS NOT NULL OR unknown_since IS NOT NULL) AND failed_position = $2) AS held
     WHERE g.name = $1 AND g.generation = held.generation
     RETURNING g.generation, held.failed_event, held.error`,
    [name, command.at_position],
  );
  if (row === undefined)
    return refused(
      command.at_position === null
        ? 'it is not halted, and waits for nothing'
        : `it neither halts nor waits at position ${command.at_position}`,
    );
  return {
    status: 'done',
    outcome: `generation ${row.generation} goes on without ${row.failed_event} (${row.error})`,
  };
};

const resume: CarryOut = async (tx, { name }) => {
  const rows = await tx.query<{ generation: number }>(
    `UPDATE projection_generation SET ${CLEARED} WHERE name = $1 AND halted_at IS NOT NULL RETURNING generation`,
    [name],
  );
  if (rows.length === 0) return refused('it is not halted');
  return { status: 'done', outcome: `generation ${rows.map((row) => row.generation).join(', ')} goes on` };
};

const CLEARED = `halted_at = NULL, attempts = 0, crashes = 0, error = NULL, failed_xid = NULL, failed_position = NULL,
  failed_event = NULL, unknown_since = NULL, next_attempt_at = clock_timestamp()`;

const VERBS: Readonly<Record<ProjectionVerb, CarryOut>> = { rebuild, rollback, skip, resume };

async function setState(tx: Transaction, name: string, from: string, to: string): Promise<void> {
  await tx.query(
    `UPDATE projection_generation SET state = $3, halted_at = NULL, attempts = 0, crashes = 0, unknown_since = NULL
     WHERE name = $1 AND state = $2`,
    [name, from, to],
  );
}
