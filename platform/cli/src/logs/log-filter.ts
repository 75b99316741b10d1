import { LOG_LEVELS, type LogLevel } from './log-levels.ts';

/** What a line must be to be shown; what is absent is not asked. */
export interface LogFilter {
  readonly since: Date | undefined;
  readonly pattern: RegExp | undefined;
  /** This one or a worse one. */
  readonly level: LogLevel | undefined;
}

/**
 * Takes the lines of one process one after the other and says which to show. A line without time or level, such as one
 * of a stack trace, belongs to the line before it.
 */
export function createLogFilter({ since, pattern, level }: LogFilter): (line: string) => boolean {
  const from = since?.toISOString() ?? '';
  const least = level === undefined ? 0 : LOG_LEVELS.indexOf(level);
  let time = '';
  let current: LogLevel = 'info';
  return (line) => {
    time = timeOf(line) ?? time;
    current = levelOf(line) ?? current;
    if (time < from || LOG_LEVELS.indexOf(current) < least) return false;
    return pattern === undefined || pattern.test(line);
  };
}

/** Of our JSON lines and of PostgreSQL's; both are UTC. */
export function timeOf(line: string): string | undefined {
  const json = /"time":"([^"]+)"/.exec(line)?.[1];
  return json ?? POSTGRES_TIME.exec(line)?.[0].replace(' ', 'T');
}

const POSTGRES_TIME = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}/;
const POSTGRES_LEVELS: Readonly<Record<string, LogLevel>> = {
  DEBUG: 'debug',
  WARNING: 'warn',
  ERROR: 'error',
  FATAL: 'error',
  PANIC: 'error',
};

function levelOf(line: string): LogLevel | undefined {
  const json = /"level":"(debug|info|warn|error)"/.exec(line)?.[1];
  if (json !== undefined) return json as LogLevel;
  if (!POSTGRES_TIME.test(line)) return undefined;
  const severity = / ([A-Z]+)\d?: /.exec(line)?.[1] ?? '';
  return POSTGRES_LEVELS[severity] ?? 'info';
}
