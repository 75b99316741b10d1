import type { LogLevel } from '../logger.ts';
import type { TraceContext } from './trace-context.ts';

/** One line of the log. Its fields are as they are written: redacted, bounded in depth. */
export interface LogRecord {
  /** Since the epoch. */
  readonly atMs: number;
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly trace: TraceContext | undefined;
}

/** As OpenTelemetry numbers them. */
export const SEVERITY: Readonly<Record<LogLevel, number>> = { debug: 5, info: 9, warn: 13, error: 17 };

/** Fields as attributes: errors by the names of the semantic conventions. */
export function logAttributes({ fields }: LogRecord): Readonly<Record<string, unknown>> {
  const { err, trace_id: _trace, span_id: _span, ...rest } = fields;
  if (typeof err !== 'object' || err === null) return err === undefined ? rest : { ...rest, err };
  const { type, code, message, stack, ...more } = err as Readonly<Record<string, unknown>>;
  return {
    ...rest,
    'exception.type': code ?? type,
    'exception.message': message,
    'exception.stacktrace': stack,
    ...(Object.keys(more).length > 0 && { err: more }),
  };
}
