import { redactText } from '@flotilla/kernel';
import pino from 'pino';
import { currentContext } from './context.ts';
import { loggable } from './loggable.ts';
import { processTelemetry } from './trace/process-wide.ts';
import type { TraceContext } from './trace/trace-context.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** Structured logging: facts in `fields`, one constant sentence as message. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  /** A logger that adds `fields` to every line. */
  child(fields: object): Logger;
}

export interface LoggerOptions {
  readonly service: string;
  /** Lines below it are dropped. Default `info`. */
  readonly level?: LogLevel | 'silent';
  /** Where the lines go. Default: standard output, written synchronously so that a crash loses none. */
  readonly destination?: { write(line: string): void };
}

/**
 * One JSON object a line: `time` (ISO 8601, UTC), `level` (text), `service`, `msg`, `trace_id` and `span_id` of
 * the current context, then the fields. Passwords, tokens, secrets and cookies are redacted by key, and in texts where they look like such.
 */
export function createLogger({ service, level = 'info', destination }: LoggerOptions): Logger {
  const options = {
    level,
    base: { service },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { err: (err: unknown) => err }, // made loggable already
    mixin: traceFields,
    // Fields win over the mixin: a span is logged under its own ids.
    mixinMergeStrategy: (fields: object, mixed: object) => ({ ...mixed, ...fields }),
  };
  return wrap(pino(options, destination ?? pino.destination({ dest: 1, sync: true })));
}

function traceFields(): object {
  const context = currentContext();
  if (context === undefined) return {};
  return {
    trace_id: context.trace.traceId,
    span_id: context.trace.spanId,
    ...(context.correlationId !== undefined && { correlation_id: context.correlationId }),
  };
}

/** Lines that are written outside of the context they are about name its trace. */
function traceOf({
  trace_id: traceId,
  span_id: spanId,
}: Readonly<Record<string, unknown>>): TraceContext | undefined {
  const isTrace = typeof traceId === 'string' && /^[0-9a-f]{32}$/.test(traceId);
  const isSpan = typeof spanId === 'string' && /^[0-9a-f]{16}$/.test(spanId);
  return isTrace && isSpan ? { traceId, spanId, sampled: true } : undefined;
}

function wrap(to: pino.Logger, bound: Readonly<Record<string, unknown>> = {}): Logger {
  const write = (level: LogLevel) => (fields: object, message: string) => {
    if (!to.isLevelEnabled(level)) return;
    const safe = loggable(fields);
    const said = redactText(message);
    to[level](safe, said);
    const { recordLog } = processTelemetry();
    if (recordLog === undefined) return;
    const trace = currentContext()?.trace ?? traceOf(safe);
    recordLog({ atMs: Date.now(), level, message: said, fields: { ...bound, ...safe }, trace });
  };
  return {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    child: (fields) => {
      const safe = loggable(fields);
      return wrap(to.child(safe), { ...bound, ...safe });
    },
  };
}

const ignore = () => undefined;

/** Drops everything: for tests. */
export const silentLogger: Logger = {
  debug: ignore,
  info: ignore,
  warn: ignore,
  error: ignore,
  child: () => silentLogger,
};
