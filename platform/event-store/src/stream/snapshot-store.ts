import { createHash } from 'node:crypto';
import { crashPoint } from '@flotilla/kernel';
import type { Database, Queryable } from '@flotilla/postgres';

/** A state that was folded before, and how far. */
export interface Snapshot<State> {
  readonly version: number;
  readonly state: State;
}

interface SnapshotRow {
  readonly version: number;
  readonly state: string;
  readonly checksum: string;
}

/**
 * The last snapshot of a stream; `undefined` when there is none that can be trusted: of another schema version, of
 * a version that the stream has not reached, or not as it was written.
 */
export async function readSnapshot<State>(
  db: Queryable,
  streamId: string,
  schemaVersion: number,
): Promise<Snapshot<State> | undefined> {
  const [row] = await db.query<SnapshotRow>(
    `SELECT n.version, n.state, n.checksum FROM event_snapshot n JOIN event_stream s ON s.stream_id = n.stream_id
     WHERE n.stream_id = $1 AND n.schema_version = $2 AND n.version <= s.version`,
    [streamId, schemaVersion],
  );
  if (row === undefined || row.checksum !== checksumOf(row.state, row.version, schemaVersion))
    return undefined;
  // What was written is what this code folded, of this schema version.
  return { version: row.version, state: JSON.parse(row.state) as State };
}

/** Keeps a snapshot of committed events. An older one may win a race: it only shortens less. */
export async function writeSnapshot(
  db: Database,
  streamId: string,
  schemaVersion: number,
  { version, state }: Snapshot<unknown>,
): Promise<void> {
  const json = JSON.stringify(state);
  crashPoint('snapshot.before-write');
  await db.query(
    `INSERT INTO event_snapshot AS n (stream_id, version, schema_version, state, checksum) VALUES ($1, $2, $3, $4, $5)
     ON CONFLICT (stream_id) DO UPDATE SET version = excluded.version, schema_version = excluded.schema_version,
       state = excluded.state, checksum = excluded.checksum, taken_at = clock_timestamp()
     WHERE n.schema_version <= excluded.schema_version`,
    [streamId, version, schemaVersion, json, checksumOf(json, version, schemaVersion)],
  );
  crashPoint('snapshot.after-write');
}

function checksumOf(state: string, version: number, schemaVersion: number): string {
  return createHash('sha256').update(`${schemaVersion}/${version}/${state}`).digest('base64url');
}
