import type { Queryable } from '@flotilla/postgres';
import type { InstanceRow } from './instances.ts';

/** Who changed a saga by hand, and why. */
interface Author {
  readonly verb: string;
  readonly by: string;
  readonly reason: string;
}

export async function addAudit(
  tx: Queryable,
  { verb, by, reason }: Author,
  before: InstanceRow,
  after: InstanceRow,
): Promise<void> {
  await tx.query(
    'INSERT INTO saga_audit (saga_id, operator, verb, reason, before, after) VALUES ($1, $2, $3, $4, $5, $6)',
    [before.id, by, verb, reason, stand(before), stand(after)],
  );
}

/** Where a saga stands, in the words of its table. */
function stand(row: InstanceRow): object {
  const { def_version: version, status, step, direction, attempt, version: changes, data } = row;
  return { version, status, step, direction, attempt, changes, data };
}
