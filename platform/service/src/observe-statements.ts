import type { DatabaseOptions } from '@flotilla/postgres';
import {
  childOf,
  currentContext,
  dbClientDuration,
  epochMs,
  errorName,
  type Metrics,
  spanRecorder,
} from '@flotilla/telemetry';

/** Statements are texts in the code, so there are not many. */
const MAX_KNOWN = 1_000;
const OPERATIONS: ReadonlySet<string> = new Set([
  'SELECT',
  'INSERT',
  'UPDATE',
  'DELETE',
  'WITH',
  'LOCK',
  'NOTIFY',
]);
const TARGET = /\b(?:FROM|INTO|UPDATE|TABLE)\s+(?:ONLY\s+)?([a-z_][\w.]*)/i;

interface Description {
  readonly operation: string;
  /** As OpenTelemetry's `db.query.summary`: what is done to which table, without any value. */
  readonly summary: string;
}

/** Times statements by what they do; within the work of a request or message each is a span. */
export function createStatementObserver(
  metrics: Metrics,
  database: string,
): NonNullable<DatabaseOptions['observe']> {
  const durations = dbClientDuration(metrics);
  const known = new Map<string, Description>();
  const describe = (sql: string): Description => {
    let description = known.get(sql);
    if (description === undefined) {
      description = describeStatement(sql);
      if (known.size < MAX_KNOWN) known.set(sql, description);
    }
    return description;
  };
  return ({ sql, startedAtMs, durationMs, ...rest }) => {
    const { operation, summary } = describe(sql);
    const error = 'error' in rest ? errorName(rest.error) : undefined;
    const context = currentContext();
    const labels = { db_operation_name: operation, error_type: error ?? '' };
    durations.observe(durationMs / 1_000, labels, context?.trace);
    const record = context && spanRecorder(context);
    if (context === undefined || record === undefined) return;
    record({
      name: summary,
      kind: 'client',
      trace: childOf(context.trace),
      parentSpanId: context.trace.spanId,
      startedAtMs: epochMs(startedAtMs),
      durationMs,
      attributes: {
        'db.system.name': 'postgresql',
        'db.namespace': database,
        'db.operation.name': operation,
        'db.query.summary': summary,
      },
      ...(error !== undefined && { error }),
    });
  };
}

export function describeStatement(sql: string): Description {
  const first = /[a-z]+/i.exec(sql)?.[0].toUpperCase() ?? '';
  const operation = OPERATIONS.has(first) ? first : '_OTHER';
  const target = TARGET.exec(sql)?.[1];
  return { operation, summary: target === undefined ? operation : `${operation} ${target}` };
}
