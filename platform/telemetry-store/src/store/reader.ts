import { DatabaseSync } from 'node:sqlite';
import { createEdgeReader, type EdgeReader } from './read-edges.ts';
import { createLogReader, type LogReader } from './read-logs.ts';
import { createMetricReader, type MetricReader } from './read-metrics.ts';
import { createTraceReader, type TraceReader } from './read-traces.ts';

/** What was sent but not kept, since the file was begun. */
export interface Loss {
  readonly signal: string;
  readonly why: string;
  readonly count: number;
}

/** Questions to the file while another process writes it. Each sees what had been committed when it was asked. */
export interface TelemetryReader {
  readonly traces: TraceReader;
  readonly logs: LogReader;
  readonly metrics: MetricReader;
  readonly edges: EdgeReader;
  losses(): readonly Loss[];
  close(): void;
}

/** Throws what SQLite throws when there is no such file yet, or none that it can read. */
export function openReader(path: string): TelemetryReader {
  const db = new DatabaseSync(path, { readOnly: true, timeout: 1_000 });
  try {
    const losses = db.prepare('SELECT signal, why, count FROM loss ORDER BY count DESC');
    return {
      traces: createTraceReader(db),
      logs: createLogReader(db),
      metrics: createMetricReader(db),
      edges: createEdgeReader(db),
      losses: () =>
        losses.all().map((row) => ({
          signal: String(row['signal']),
          why: String(row['why']),
          count: Number(row['count']),
        })),
      close: () => db.close(),
    };
  } catch (error) {
    db.close();
    throw error;
  }
}
