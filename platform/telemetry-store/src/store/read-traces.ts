import type { DatabaseSync, SQLInputValue } from 'node:sqlite';
import type { Attributes } from '../otlp/records.ts';
import { type Pin, whyPinned } from './pins.ts';

/** A row of the list of traces. */
export interface TraceSummary {
  readonly traceId: string;
  /** Of the root; `null` while it has not come. */
  readonly name: string | null;
  /** The service of the root. */
  readonly service: string;
  /** Milliseconds since 1970. */
  readonly startMs: number;
  /** From the first start to the last end. */
  readonly durationMs: number;
  readonly spans: number;
  readonly errors: number;
  readonly pinned: readonly Pin[];
  /** How many spans each service has in it, most first. */
  readonly services: readonly { readonly service: string; readonly spans: number }[];
}

export interface TraceFilter {
  /** Any of its spans is of that service. */
  readonly service?: string;
  /** A part of the name of its root, whatever the case. */
  readonly name?: string;
  readonly minDurationMs?: number;
  readonly hasErrors?: boolean;
  /** A part of an attribute of any span: a name, or `name=value`. */
  readonly attribute?: string;
  readonly fromMs?: number;
  readonly toMs?: number;
  /** 1 to 200, default 100. */
  readonly limit?: number;
}

export interface TracePage {
  readonly traces: readonly TraceSummary[];
  /** Older ones than this may be there: `toMs` of the next page. `null`: that is all. */
  readonly next: number | null;
}

export interface SpanDetails {
  readonly spanId: string;
  readonly parentId: string | null;
  readonly service: string;
  readonly instance: string;
  readonly version: string;
  readonly scope: string;
  readonly name: string;
  readonly kind: number;
  /** From the first start of the trace, in microseconds. */
  readonly offsetUs: number;
  readonly durationUs: number;
  readonly status: number;
  readonly statusMessage: string | null;
  readonly attributes: Attributes;
  readonly events: readonly {
    readonly name: string;
    readonly offsetUs: number;
    readonly attributes: Attributes;
  }[];
  readonly links: readonly {
    readonly traceId: string;
    readonly spanId: string;
    readonly attributes: Attributes;
  }[];
}

export interface TraceDetails extends TraceSummary {
  /** In nanoseconds since 1970, exactly: text. */
  readonly startNs: string;
  /** In the order in which they began. */
  readonly details: readonly SpanDetails[];
}

export interface TraceReader {
  /** Newest first. */
  list(filter: TraceFilter): TracePage;
  find(traceId: string): TraceDetails | undefined;
  /** Traces in which any span has exactly this attribute, newest first. */
  withAttribute(name: string, value: string, limit: number): readonly TraceSummary[];
  services(): readonly string[];
}

const SUMMARY = `lower(hex(trace_id)) AS id, trace_id, owner, root_name, start_ns / 1000000.0 AS start_ms,
  (end_ns - start_ns) / 1000000.0 AS duration_ms, spans, errors, pinned`;

/** What nobody can see at a glance needs not be looked through: a search stops after so many traces and says so. */
const LOOKED_AT = 20_000;
const DEADLINE_MS = 250;

export function createTraceReader(db: DatabaseSync): TraceReader {
  const chips = db.prepare(
    `SELECT service, count(*) AS spans FROM span JOIN resource ON resource.id = resource
       WHERE trace_id = ? GROUP BY service ORDER BY spans DESC`,
  );
  const one = db.prepare(
    `SELECT ${SUMMARY}, CAST(start_ns AS TEXT) AS start_text FROM trace WHERE trace_id = ?`,
  );
  const services = db.prepare('SELECT DISTINCT service FROM resource ORDER BY service');

  function summaryOf(row: Record<string, unknown>): TraceSummary {
    const counted = chips.all(row['trace_id'] as Uint8Array);
    return {
      traceId: String(row['id']),
      name: row['root_name'] === null ? null : String(row['root_name']),
      service: String(row['owner']),
      startMs: Number(row['start_ms']),
      durationMs: Number(row['duration_ms']),
      spans: Number(row['spans']),
      errors: Number(row['errors']),
      pinned: whyPinned(Number(row['pinned'])),
      services: counted.map((chip) => ({ service: String(chip['service']), spans: Number(chip['spans']) })),
    };
  }

  const withAttribute = attributeSearch(db);
  return {
    list: (filter) => listTraces(db, filter, summaryOf),
    find: (traceId) => {
      const id = traceIdOf(traceId);
      const row = id && one.get(id);
      if (!id || !row || Number(row['spans']) === 0) return undefined;
      const details = readSpans(db, id);
      return { ...summaryOf(row), startNs: String(row['start_text']), details };
    },
    withAttribute: (name, value, limit) =>
      withAttribute(name, value, limit).flatMap((id) => {
        const row = one.get(id);
        return row ? [summaryOf(row)] : [];
      }),
    services: () => services.all().map((row) => String(row['service'])),
  };
}

export function traceIdOf(text: string): Uint8Array | undefined {
  return /^[0-9a-f]{32}$/i.test(text) ? Buffer.from(text, 'hex') : undefined;
}

function listTraces(
  db: DatabaseSync,
  filter: TraceFilter,
  summaryOf: (row: Record<string, unknown>) => TraceSummary,
): TracePage {
  const limit = Math.min(Math.max(filter.limit ?? 100, 1), 200);
  const conditions: string[] = ['spans > 0'];
  const values: SQLInputValue[] = [];
  const where = (condition: string, ...given: readonly SQLInputValue[]) => {
    conditions.push(condition);
    values.push(...given);
  };
  if (filter.fromMs !== undefined) where('start_ns >= ?', nsOf(filter.fromMs));
  if (filter.toMs !== undefined) where('start_ns < ?', nsOf(filter.toMs));
  if (filter.name) where("root_name LIKE ? ESCAPE '\\'", `%${escaped(filter.name)}%`);
  if (filter.minDurationMs !== undefined) where('end_ns - start_ns >= ?', nsOf(filter.minDurationMs));
  if (filter.hasErrors) where('errors > 0');
  const rows = db
    .prepare(`SELECT ${SUMMARY} FROM trace WHERE ${conditions.join(' AND ')} ORDER BY start_ns DESC LIMIT ?`)
    .iterate(...values, LOOKED_AT);
  const passes = spanFilter(db, filter);
  const traces: TraceSummary[] = [];
  const begun = performance.now();
  let looked = 0;
  let lastMs = 0;
  for (const row of rows) {
    looked += 1;
    lastMs = Number(row['start_ms']);
    if (passes(row['trace_id'] as Uint8Array)) traces.push(summaryOf(row));
    if (traces.length >= limit || performance.now() - begun > DEADLINE_MS) return { traces, next: lastMs };
  }
  return { traces, next: looked >= LOOKED_AT ? lastMs : null };
}

/** What only the spans of a trace can answer. */
function spanFilter(db: DatabaseSync, { service, attribute }: TraceFilter): (traceId: Uint8Array) => boolean {
  const conditions = ['trace_id = ?'];
  const values: SQLInputValue[] = [];
  if (service) {
    conditions.push('resource IN (SELECT id FROM resource WHERE service = ?)');
    values.push(service);
  }
  if (attribute) {
    const [name = '', ...rest] = attribute.split('=');
    const [, value] = [name, rest.join('=')];
    conditions.push("attributes LIKE ? ESCAPE '\\'");
    const quoted = JSON.stringify(name.trim()).slice(0, -1);
    values.push(
      rest.length === 0 ? `%${escaped(attribute)}%` : `%${escaped(quoted)}":%${escaped(value.trim())}%`,
    );
  }
  if (values.length === 0) return () => true;
  const statement = db.prepare(`SELECT 1 FROM span WHERE ${conditions.join(' AND ')} LIMIT 1`);
  return (traceId) => statement.get(traceId, ...values) !== undefined;
}

function nsOf(ms: number): bigint {
  return BigInt(Math.round(ms * 1_000)) * 1_000n;
}

export function escaped(text: string): string {
  return text.replaceAll(/[\\%_]/g, (sign) => `\\${sign}`);
}

/** Newest spans first, and not through all of them: what belongs together is looked for soon after it happened. */
function attributeSearch(db: DatabaseSync) {
  const search = db.prepare(
    `SELECT DISTINCT trace_id FROM (SELECT trace_id, attributes FROM span ORDER BY id DESC LIMIT 200000)
       WHERE attributes LIKE ? ESCAPE '\\' LIMIT ?`,
  );
  return (name: string, value: string, limit: number): readonly Uint8Array[] => {
    const text = `${JSON.stringify(name)}:${JSON.stringify(value)}`;
    return search.all(`%${escaped(text)}%`, limit).map((row) => row['trace_id'] as Uint8Array);
  };
}

/** Times are told from the start of the trace: nanoseconds since 1970 are more than a number holds. */
function readSpans(db: DatabaseSync, traceId: Uint8Array): readonly SpanDetails[] {
  const rows = db
    .prepare(
      `SELECT lower(hex(span_id)) AS id, lower(hex(parent_id)) AS parent, parent_id IS NULL AS is_root, service, instance,
         version, scope, name, kind, (start_ns - (SELECT min(start_ns) FROM span WHERE trace_id = ?1)) / 1000.0 AS offset_us,
         CAST(start_ns AS TEXT) AS start_ns, duration_ns / 1000.0 AS duration_us, status, status_message, span.attributes,
         events, links
       FROM span JOIN resource ON resource.id = resource WHERE trace_id = ?1 ORDER BY span.start_ns, span.id`,
    )
    .all(traceId);
  return rows.map((row) => ({
    spanId: String(row['id']),
    parentId: Number(row['is_root']) === 1 ? null : String(row['parent']),
    service: String(row['service']),
    instance: String(row['instance']),
    version: String(row['version']),
    scope: String(row['scope']),
    name: String(row['name']),
    kind: Number(row['kind']),
    offsetUs: Number(row['offset_us']),
    durationUs: Number(row['duration_us']),
    status: Number(row['status']),
    statusMessage: row['status_message'] === null ? null : String(row['status_message']),
    attributes: JSON.parse(String(row['attributes'])) as Attributes,
    events: eventsOf(row),
    links: row['links'] === null ? [] : (JSON.parse(String(row['links'])) as SpanDetails['links']),
  }));
}

function eventsOf(row: Record<string, unknown>): SpanDetails['events'] {
  if (row['events'] === null) return [];
  const events = JSON.parse(String(row['events'])) as {
    readonly name: string;
    readonly timeNs: string;
    readonly attributes: Attributes;
  }[];
  const startNs = BigInt(String(row['start_ns']));
  const spanOffsetUs = Number(row['offset_us']);
  return events.map(({ name, timeNs, attributes }) => ({
    ...{ name, attributes },
    offsetUs: spanOffsetUs + Number(BigInt(timeNs) - startNs) / 1_000,
  }));
}
