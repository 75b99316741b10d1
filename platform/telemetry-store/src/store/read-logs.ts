import type { DatabaseSync, SQLInputValue } from 'node:sqlite';
import type { Attributes } from '../otlp/records.ts';
import { traceIdOf } from './read-traces.ts';

export interface LogLine {
  /** Grows with arrival: what came after it is newer. */
  readonly id: number;
  readonly timeMs: number;
  readonly service: string;
  readonly instance: string;
  /** 1 to 24 as OpenTelemetry counts; from 17 on an error. */
  readonly severity: number;
  readonly body: string;
  readonly attributes: Attributes;
  readonly traceId: string | null;
  readonly spanId: string | null;
}

export interface LogFilter {
  readonly service?: string;
  /** This and worse. */
  readonly minSeverity?: number;
  /** Words that the line or its attributes have, all of them; the last may be a beginning. */
  readonly text?: string;
  readonly traceId?: string;
  readonly fromMs?: number;
  readonly toMs?: number;
  /** Only what arrived after it: to follow. */
  readonly afterId?: number;
  /** 1 to 1,000, default 200. */
  readonly limit?: number;
}

export interface LogReader {
  /** Newest first; with `afterId` in the order of arrival. */
  list(filter: LogFilter): readonly LogLine[];
  /** The id of the newest line; 0 when there is none. */
  newest(): number;
}

export function createLogReader(db: DatabaseSync): LogReader {
  const newest = db.prepare('SELECT max(id) AS id FROM log');
  return {
    list: (filter) => listLogs(db, filter),
    newest: () => Number(newest.get()?.['id'] ?? 0),
  };
}

function listLogs(db: DatabaseSync, filter: LogFilter): readonly LogLine[] {
  const conditions: string[] = ['1'];
  const values: SQLInputValue[] = [];
  const where = (condition: string, value: SQLInputValue) => {
    conditions.push(condition);
    values.push(value);
  };
  if (filter.service) where('log.service = ?', filter.service);
  if (filter.minSeverity !== undefined) where('severity >= ?', filter.minSeverity);
  if (filter.fromMs !== undefined) where('time_ns >= ?', BigInt(Math.round(filter.fromMs)) * 1_000_000n);
  if (filter.toMs !== undefined) where('time_ns < ?', BigInt(Math.round(filter.toMs)) * 1_000_000n);
  if (filter.afterId !== undefined) where('log.id > ?', filter.afterId);
  if (filter.traceId !== undefined) where('trace_id = ?', traceIdOf(filter.traceId) ?? Buffer.alloc(0));
  const words = matchOf(filter.text ?? '');
  if (words !== '') where('log.id IN (SELECT rowid FROM log_text WHERE log_text MATCH ?)', words);
  const order = filter.afterId === undefined ? 'time_ns DESC' : 'log.id';
  const rows = db
    .prepare(
      `SELECT log.id, time_ns / 1000000.0 AS time_ms, log.service, instance, severity, body, log.attributes,
         lower(hex(trace_id)) AS trace, lower(hex(span_id)) AS span
       FROM log JOIN resource ON resource.id = resource WHERE ${conditions.join(' AND ')} ORDER BY ${order} LIMIT ?`,
    )
    .all(...values, Math.min(Math.max(filter.limit ?? 200, 1), 1_000));
  return rows.map((row) => ({
    id: Number(row['id']),
    timeMs: Number(row['time_ms']),
    service: String(row['service']),
    instance: String(row['instance']),
    severity: Number(row['severity']),
    body: String(row['body']),
    attributes: JSON.parse(String(row['attributes'])) as Attributes,
    traceId: String(row['trace'] ?? '') || null,
    spanId: String(row['span'] ?? '') || null,
  }));
}

/** Each word quoted, so that nothing a person types is an operator of the search. */
function matchOf(text: string): string {
  const words = text.split(/[^\p{L}\p{N}]+/u).filter((word) => word !== '');
  return words.map((word, index) => `"${word}"${index === words.length - 1 ? '*' : ''}`).join(' ');
}
