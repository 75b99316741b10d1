import type { Queryable } from '@flotilla/postgres';

/** A stream as an operator finds it. */
export interface StreamSummary {
  readonly streamId: string;
  readonly category: string;
  /** How many events it has. */
  readonly version: number;
  readonly lastType: string;
  readonly lastAt: Date;
}

/** An event as it was written, without upcasting. */
export interface StoredEvent {
  readonly version: number;
  readonly type: string;
  readonly schemaVersion: number;
  readonly data: unknown;
  readonly correlationId: string | null;
  readonly causationId: string | null;
  readonly traceparent: string | null;
  readonly recordedAt: Date;
}

export interface StreamFilter {
  readonly category?: string;
  /** A stream, or what stands behind its category: `order-7` and `7`. */
  readonly id?: string;
  /** Default 100. */
  readonly limit?: number;
}

/** How many of the newest events are looked through for streams. */
const NEWEST = 2_000;

/** Streams, those with the newest events first. */
export async function listStreams(
  db: Queryable,
  { category = '', id = '', limit = 100 }: StreamFilter = {},
): Promise<readonly StreamSummary[]> {
  if (id !== '') return await findStreams(db, id);
  return await db.query<StreamSummary>(
    `SELECT * FROM (
       SELECT DISTINCT ON (stream_id) stream_id AS "streamId", category, version, type AS "lastType", recorded_at AS "lastAt"
       FROM (SELECT * FROM event WHERE $1 = '' OR category = $1 ORDER BY xid DESC, position DESC LIMIT ${NEWEST}) AS newest
       ORDER BY stream_id, version DESC) AS streams
     ORDER BY "lastAt" DESC LIMIT $2`,
    [category, limit],
  );
}

async function findStreams(db: Queryable, id: string): Promise<readonly StreamSummary[]> {
  const ids = [id, ...(await listCategories(db)).map((category) => `${category}-${id}`)];
  return await db.query<StreamSummary>(
    `SELECT stream_id AS "streamId", category, version, type AS "lastType", recorded_at AS "lastAt"
     FROM event_stream JOIN event USING (stream_id, category, version) WHERE stream_id = ANY($1)`,
    [ids],
  );
}

/** Each step skips to the next category of the index: the log itself is not read. */
export async function listCategories(db: Queryable): Promise<readonly string[]> {
  const rows = await db.query<{ category: string }>(
    `WITH RECURSIVE known AS (
       (SELECT category FROM event ORDER BY category LIMIT 1)
       UNION ALL
       SELECT (SELECT category FROM event WHERE category > known.category ORDER BY category LIMIT 1) FROM known
       WHERE known.category IS NOT NULL)
     SELECT category FROM known WHERE category IS NOT NULL`,
  );
  return rows.map(({ category }) => category);
}

/** The newest events of a stream, newest first. */
export async function readStoredEvents(
  db: Queryable,
  streamId: string,
  limit: number = 200,
): Promise<readonly StoredEvent[]> {
  return await db.query<StoredEvent>(
    `SELECT version, type, schema_version AS "schemaVersion", data, correlation_id AS "correlationId",
       causation_id AS "causationId", traceparent, recorded_at AS "recordedAt"
     FROM event WHERE stream_id = $1 ORDER BY version DESC LIMIT $2`,
    [streamId, limit],
  );
}
