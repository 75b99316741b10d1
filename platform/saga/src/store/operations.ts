import { type Queryable, storableJson } from '@flotilla/postgres';
import type { OperateAnswer, SagaOrder } from './order.ts';

/** What an operator asked for from outside of the service. */
export interface Operation {
  readonly id: string;
  readonly sagaId: string;
  readonly order: SagaOrder;
}

interface OperationRow {
  readonly id: string;
  readonly saga_id: string;
  readonly verb: string;
  readonly arguments: object;
  readonly operator: string;
  readonly reason: string;
  readonly expected_version: number | null;
}

export async function insertOperation(db: Queryable, { id, sagaId, order }: Operation): Promise<void> {
  const { verb, by, reason, expectedChanges, ...rest } = order;
  await db.query(
    `INSERT INTO saga_operation (id, saga_id, verb, arguments, operator, reason, expected_version)
     VALUES ($1, $2, $3, $4, $5, $6, $7)`,
    [id, sagaId, verb, storableJson(JSON.stringify(rest)), by, reason, expectedChanges ?? null],
  );
}

/** Takes the oldest open operation for the length of the transaction, passing over those that others have. */
export async function takeOperation(
  tx: Queryable,
  except: readonly string[],
): Promise<Operation | undefined> {
  const [row] = await tx.query<OperationRow>(
    `SELECT * FROM saga_operation WHERE settled_at IS NULL AND id <> ALL ($1::uuid[])
     ORDER BY requested_at LIMIT 1 FOR UPDATE SKIP LOCKED`,
    [except],
  );
  if (row === undefined) return undefined;
  const order = {
    ...row.arguments,
    verb: row.verb,
    by: row.operator,
    reason: row.reason,
    ...(row.expected_version !== null && { expectedChanges: row.expected_version }),
  } as SagaOrder;
  return { id: row.id, sagaId: row.saga_id, order };
}

export async function settleOperation(tx: Queryable, id: string, answer: OperateAnswer): Promise<void> {
  await tx.query(
    'UPDATE saga_operation SET outcome = $2, settled_at = clock_timestamp() WHERE id = $1 AND settled_at IS NULL',
    [id, answer],
  );
}

/** `undefined`: not carried out yet. */
export async function findAnswer(db: Queryable, id: string): Promise<OperateAnswer | undefined> {
  const [row] = await db.query<{ outcome: OperateAnswer | null }>(
    'SELECT outcome FROM saga_operation WHERE id = $1',
    [id],
  );
  return row?.outcome ?? undefined;
}

/** Takes back what nobody has carried out; `false` when somebody has. */
export async function withdrawOperation(db: Queryable, id: string): Promise<boolean> {
  const rows = await db.query(
    'DELETE FROM saga_operation WHERE id = $1 AND settled_at IS NULL RETURNING id',
    [id],
  );
  return rows.length === 1;
}

/** Forgets operations that were settled before the retention. */
export async function deleteSettled(db: Queryable, retentionMs: number): Promise<void> {
  await db.query("DELETE FROM saga_operation WHERE settled_at < now() - $1 * interval '1 ms'", [retentionMs]);
}
