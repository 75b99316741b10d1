import pg from 'pg';

/**
 * In whose name rows are read and written, for tables with row security: `nobody` owns none. Where there is no such thing, the system itself
 * works, and policies let it pass.
 */
export type Acting = ActingUser | 'nobody';

export interface ActingUser {
  readonly subject: string;
  readonly tenantId?: string | undefined;
}

/**
 * Tells the server for the rest of the transaction. It returns no row: the driver reads those of the statement behind it. A setting that was
 * local once is empty afterwards, not gone, so empty is the system, and users have a prefix.
 */
export const ACT: string = actStatement('$1', '$2');

export function actValues(acting: Acting): [actingFor: string, tenant: string] {
  return acting === 'nobody' ? ['nobody', ''] : [`user:${acting.subject}`, acting.tenantId ?? ''];
}

/** The same as text, to be sent with others. */
export function actText(acting: Acting): string {
  const [actingFor, tenant] = actValues(acting);
  return actStatement(pg.escapeLiteral(actingFor), pg.escapeLiteral(tenant));
}

function actStatement(actingFor: string, tenant: string): string {
  const settings = [
    `set_config('flotilla.acting_for', ${actingFor}, true)`,
    `set_config('flotilla.tenant', ${tenant}, true)`,
  ];
  return `SELECT WHERE num_nulls(${settings.join(', ')}) > 0`;
}
