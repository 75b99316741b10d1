import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { redactedJson, redactText } from '@flotilla/kernel';
import type { LogRecord, PointRecord, Resource, SpanRecord } from '../otlp/records.ts';
import { storableNs } from '../otlp/values.ts';
import { addAll, formatDurations, parseDurations } from './durations.ts';
import { createEdgeCounter, type EdgeCount } from './edges.ts';
import { EXEMPLAR } from './pins.ts';
import { addTo, type Tally } from './tally.ts';
import { createTraceBook, type TraceBook } from './trace-book.ts';
import { inTransaction } from './transaction.ts';

/** What is written of a request is one transaction: all of it is there once it returns, also after `kill -9`. */
export interface Writer {
  spans(records: readonly SpanRecord[]): void;
  logs(records: readonly LogRecord[]): void;
  points(records: readonly PointRecord[]): void;
  /** Writes who called whom since the last time. */
  edges(nowMs: number): void;
  /** Remembers that so many of a signal were not kept. */
  lost(signal: string, why: string, count: number): void;
}

export interface WriterOptions {
  /** A trace that took longer is kept longer, in milliseconds. */
  readonly slowMs: number;
  readonly clockMs: () => number;
}

export function createWriter(db: DatabaseSync, tally: Tally, { slowMs, clockMs }: WriterOptions): Writer {
  const resourceId = createResourceIds(db);
  const book = createTraceBook(db, slowMs);
  const edgeCounter = createEdgeCounter(clockMs);
  const insertSpan = db.prepare(
    `INSERT INTO span (trace_id, span_id, parent_id, resource, scope, name, kind, start_ns, duration_ns, status,
       status_message, attributes, events, links) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const writeLogs = logWriter(db, tally, resourceId);
  const writePoints = pointWriter(db, tally, resourceId, book);
  const addEdge = edgeWriter(db);
  const addLoss = db.prepare(
    'INSERT INTO loss VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET count = count + excluded.count',
  );

  return {
    spans: (records) => {
      inTransaction(db, () => {
        for (const span of records) {
          writeSpan(insertSpan, span, resourceId(span.resource));
          book.add(span);
        }
        book.write();
      });
      for (const span of records) edgeCounter.add(span);
      tally.spans.count += records.length;
    },
    logs: (records) => inTransaction(db, () => writeLogs(records)),
    points: (records) => inTransaction(db, () => writePoints(records)),
    edges: (nowMs) => {
      const counts = edgeCounter.take(nowMs);
      if (counts.length > 0) inTransaction(db, () => counts.forEach(addEdge));
    },
    lost: (signal, why, count) => {
      addLoss.run(signal, why, count);
    },
  };
}

function writeSpan(insert: StatementSync, span: SpanRecord, resource: number): void {
  const { startNs, endNs, events, links } = span;
  const durationNs = endNs > startNs ? endNs - startNs : 0n;
  insert.run(
    span.traceId,
    span.spanId,
    span.parentId,
    resource,
    span.scope,
    redactText(span.name),
    span.kind,
    storableNs(startNs),
    storableNs(durationNs),
    span.status,
    span.statusMessage ? redactText(span.statusMessage) : null,
    redactedJson(span.attributes),
    events.length === 0 ? null : redactedJson(events, textOfBigInt),
    links.length === 0 ? null : JSON.stringify(links, textOfBigInt),
  );
}

function textOfBigInt(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}

const MOST_RESOURCES = 10_000;

function createResourceIds(db: DatabaseSync): (resource: Resource) => number {
  const known = new Map<string, number>();
  let last: { readonly resource: Resource; readonly id: number } | undefined;
  const find = db.prepare(
    'SELECT id FROM resource WHERE service = ? AND instance = ? AND version = ? AND attributes = ?',
  );
  const insert = db.prepare(
    'INSERT INTO resource (service, instance, version, attributes) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING',
  );
  return (resource) => {
    if (last?.resource === resource) return last.id;
    const row = [
      resource.service,
      resource.instance,
      resource.version,
      redactedJson(resource.attributes),
    ] as const;
    const key = row.join('\n');
    let id = known.get(key);
    if (id === undefined) {
      insert.run(...row);
      id = Number(find.get(...row)?.['id']);
      if (known.size >= MOST_RESOURCES) known.clear();
      known.set(key, id);
    }
    last = { resource, id };
    return id;
  };
}

function logWriter(db: DatabaseSync, tally: Tally, resourceId: (resource: Resource) => number) {
  const insert = db.prepare(
    `INSERT INTO log (time_ns, service, resource, severity, scope, trace_id, span_id, body, attributes)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const insertText = db.prepare('INSERT INTO log_text (rowid, text) VALUES (?, ?)');
  return (records: readonly LogRecord[]): void => {
    for (const log of records) {
      const attributes = redactedJson(log.attributes);
      const body = redactText(log.body);
      const { lastInsertRowid } = insert.run(
        storableNs(log.timeNs),
        log.resource.service,
        resourceId(log.resource),
        log.severity,
        log.scope,
        log.traceId,
        log.spanId,
        body,
        attributes,
      );
      insertText.run(lastInsertRowid, `${body} ${attributes}`);
      addTo(tally.logs, log.resource.service, 1);
    }
  };
}

const MOST_SERIES = 100_000;

function pointWriter(
  db: DatabaseSync,
  tally: Tally,
  resourceId: (resource: Resource) => number,
  book: TraceBook,
) {
  const known = new Map<string, number>();
  const findSeries = db.prepare('SELECT id FROM series WHERE resource = ? AND name = ? AND attributes = ?');
  const insertSeries = db.prepare(
    `INSERT INTO series (service, resource, name, unit, description, type, temporality, monotonic, attributes)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
  );
  const insertPoint = db.prepare('INSERT OR REPLACE INTO point VALUES (?, ?, ?, ?, ?)');

  function seriesId(point: PointRecord): number {
    const resource = resourceId(point.resource);
    const attributes = redactedJson(point.attributes);
    const key = `${resource}\n${point.name}\n${attributes}`;
    const found = known.get(key);
    if (found !== undefined) return found;
    const { service } = point.resource;
    const { name, unit, description, type, temporality } = point;
    const monotonic = point.monotonic ? 1 : 0;
    insertSeries.run(service, resource, name, unit, description, type, temporality, monotonic, attributes);
    const id = Number(findSeries.get(resource, name, attributes)?.['id']);
    if (known.size >= MOST_SERIES) known.clear();
    known.set(key, id);
    return id;
  }

  return (records: readonly PointRecord[]): void => {
    for (const point of records) {
      const value = Number.isFinite(point.value) ? point.value : 0;
      const distribution = point.distribution ? JSON.stringify(point.distribution) : null;
      const timeMs = Number(point.timeNs / 1_000_000n);
      insertPoint.run(seriesId(point), timeMs, value, Math.trunc(point.count), distribution);
      addTo(tally.points, point.resource.service, 1);
      // An example leads to its trace: that must still be there.
      for (const traceId of point.exemplars) book.pin(traceId, EXEMPLAR, point.timeNs);
    }
    book.write();
  };
}

function edgeWriter(db: DatabaseSync): (edge: EdgeCount) => void {
  const find = db.prepare(
    `SELECT count, errors, durations FROM edge
       WHERE step_s = ? AND source = ? AND target = ? AND kind = ? AND halves = ?`,
  );
  const put = db.prepare('INSERT OR REPLACE INTO edge VALUES (?, ?, ?, ?, ?, ?, ?, ?)');
  return ({ stepSeconds, source, target, kind, halves, count, errors, durations }) => {
    const code = ['both', 'source', 'target'].indexOf(halves);
    const before = find.get(stepSeconds, source, target, kind, code);
    const all = before ? addAll(parseDurations(String(before['durations'])), durations) : durations;
    const [counted, failed] = [
      Number(before?.['count'] ?? 0) + count,
      Number(before?.['errors'] ?? 0) + errors,
    ];
    put.run(stepSeconds, source, target, kind, code, counted, failed, formatDurations(all));
  };
}
