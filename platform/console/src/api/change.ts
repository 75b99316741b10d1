import type { AuditRow, ConsoleDeps } from '../deps.ts';

/** Who did what here, and why: one row for each change, whatever came of it. */
export async function recordChange(
  deps: Pick<ConsoleDeps, 'audit' | 'now' | 'operator'>,
  change: Pick<AuditRow, 'what' | 'subject' | 'reason' | 'outcome'>,
): Promise<void> {
  await deps.audit.add({ at: new Date(deps.now()).toISOString(), by: deps.operator, ...change });
}
