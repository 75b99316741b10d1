import type { Clock, NewId } from '@flotilla/kernel';
import type { Transaction } from '@flotilla/postgres';

/** Who does something, and why. */
export interface Operator {
  readonly by: string;
  readonly reason: string;
}

/** Records what an operator does, in the transaction that does it. No secret is among the details. */
export async function recordOperation(
  { clock, newId }: { readonly clock: Pick<Clock, 'now'>; readonly newId: NewId },
  tx: Transaction,
  { by, reason }: Operator,
  operation: { readonly action: string; readonly details: object },
): Promise<void> {
  await tx.query(
    'INSERT INTO operator_audit (id, at, by, reason, action, details) VALUES ($1, $2, $3, $4, $5, $6)',
    [newId(), clock.now(), by, reason, operation.action, JSON.stringify(operation.details)],
  );
}
