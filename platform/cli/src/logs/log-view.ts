import { styleText } from 'node:util';

interface LogRecord {
  readonly time?: string;
  readonly level?: string;
  readonly msg?: string;
  readonly err?: { readonly message?: string };
}

const UNSHOWN: ReadonlySet<string> = new Set([
  'time',
  'level',
  'msg',
  'service',
  'instance',
  'err',
  'pid',
  'hostname',
]);
const COLORS = { debug: 'gray', info: 'cyan', warn: 'yellow', error: 'red' } as const;

/** A log line as it was written, for programs; `instance` tells where a line that is not JSON comes from. */
export function rawLine(instance: string, line: string): string {
  return line.startsWith('{') ? line : JSON.stringify({ instance, msg: line });
}

/** The same for people: `10:40:07.123 warn  order-1  the message  key=value`. */
export function readableLine(instance: string, line: string): string {
  const record = parse(line);
  if (!record) return `${instance}  ${line}`;
  const { time = '', level = 'info', msg = '', err } = record;
  const facts = Object.entries(record)
    .filter(([key]) => !UNSHOWN.has(key))
    .map(([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`);
  const color = COLORS[level as keyof typeof COLORS] ?? 'white';
  const shown = styleText(color, level.padEnd(5), { stream: process.stdout });
  const text = [msg, ...(err?.message ? [`(${err.message})`] : []), ...facts].join('  ');
  return `${time.slice(11, 23)} ${shown} ${instance}  ${text}`;
}

/** The message of a line logged as an error; `undefined` for any other. */
export function errorMessage(line: string): string | undefined {
  if (!line.includes('"level":"error"')) return undefined;
  const record = parse(line);
  return record?.level === 'error' ? [record.msg, record.err?.message].filter(Boolean).join(': ') : undefined;
}

function parse(line: string): LogRecord | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    return JSON.parse(line) as LogRecord;
  } catch {
    return undefined;
  }
}
