import type { Database } from '@flotilla/postgres';
import { toFault } from '../errors.ts';
import type { ChangeDeps } from '../run/change.ts';
import { operateSaga } from './operate.ts';

interface OldInstance {
  readonly id: string;
  readonly type: string;
  readonly def_version: number;
}

// A lease that ran out means that its holder may have made the call: the attempt counts.
const TAKE_OLD = `
  WITH old AS (
    SELECT i.id FROM saga_instance i
      JOIN unnest($1::text[], $2::int[]) AS o (type, version) ON o.type = i.type AND o.version = i.def_version
    WHERE i.ended_at IS NULL AND i.id <> ALL ($3::uuid[]) AND (i.lease_until IS NULL OR i.lease_until < now())
    ORDER BY i.next_attempt_at LIMIT 100 FOR UPDATE OF i SKIP LOCKED
  )
  UPDATE saga_instance i SET lease_owner = NULL, lease_until = NULL,
    lease_epoch = i.lease_epoch + (i.lease_owner IS NOT NULL)::int,
    attempt = i.attempt + (i.lease_owner IS NOT NULL)::int
  FROM old WHERE i.id = old.id RETURNING i.id, i.type, i.def_version`;

/**
 * Migrates instances whose version is registered no longer, but can become one that is: each in a transaction of its
 * own, with an audit. `refused` remembers those that cannot; they stay as they are.
 */
export async function migrateOld(
  deps: ChangeDeps & { readonly db: Database },
  refused: Set<string>,
): Promise<void> {
  const { db, definitions, logger } = deps;
  const { migratable } = definitions;
  if (migratable.length === 0) return;
  const types = migratable.map(({ type }) => type);
  const versions = migratable.map(({ version }) => version);
  for (const { id, type, def_version } of await db.query<OldInstance>(TAKE_OLD, [
    types,
    versions,
    [...refused],
  ])) {
    const to = definitions.target(type, def_version)?.version ?? 0;
    const reason = `version ${def_version} is registered no longer`;
    const answer = await db
      .transaction((tx) => operateSaga(deps, tx, id, { verb: 'migrate', to, by: 'engine', reason }))
      .catch((error: unknown) => ({ ok: false as const, refusal: toFault(error) }));
    if (answer.ok || answer.refusal.code === 'in-progress') continue;
    refused.add(id);
    logger.error({ saga: id, type, version: def_version, to, ...answer.refusal }, 'saga cannot be migrated');
  }
}
