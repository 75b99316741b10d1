/** A row of the log; 64-bit numbers come as text. */
export interface EventRow {
  readonly stream_id: string;
  readonly version: number;
  readonly category: string;
  readonly xid: string;
  readonly position: string;
  readonly type: string;
  readonly schema_version: number;
  readonly data: unknown;
  readonly correlation_id: string | null;
  readonly causation_id: string | null;
  readonly traceparent: string | null;
  readonly recorded_at: Date;
}

/** The columns of `EventRow`. */
export const EVENT_COLUMNS = `e.stream_id, e.version, e.category, e.xid::text, e.position, e.type, e.schema_version,
  e.data, e.correlation_id, e.causation_id, e.traceparent, e.recorded_at`;
