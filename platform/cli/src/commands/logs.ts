import { type Command, flag, type Invocation, JSON_OPTION, number, text } from '../command-line/command.ts';
import { DATA_DIR_OPTION, placeOf } from '../command-line/place.ts';
import { thereIsNo } from '../command-line/there-is-no.ts';
import { MOMENT, momentOf, oneOf, PATTERN, SERVICE, wholeNumber } from '../command-line/value-kinds.ts';
import { cliError } from '../errors.ts';
import { followLogs, type LogLine, listLogs, readRecent } from '../logs/log-files.ts';
import { createLogFilter, type LogFilter } from '../logs/log-filter.ts';
import { LOG_LEVELS, type LogLevel } from '../logs/log-levels.ts';
import { rawLine, readableLine } from '../logs/log-view.ts';
import { stopSignal } from '../system/stop-signals.ts';

const DEFAULT_LINES = 100;

export const logs: Command = {
  name: 'logs',
  summary: 'shows what all services, or these, wrote',
  arguments: [{ kind: SERVICE, isOptional: true, isRepeated: true }],
  options: {
    follow: { short: 'f', help: 'goes on with new lines until Ctrl-C' },
    lines: {
      kind: wholeNumber(0, 9_999_999),
      short: 'n',
      help: `how many old lines of each process (default ${DEFAULT_LINES}, with --since all of them)`,
    },
    since: { kind: MOMENT, help: 'only what was written since then: 90s, 15m, 2h, 3d, or a time' },
    grep: { kind: PATTERN, help: 'only lines that this regular expression finds something in' },
    level: { kind: oneOf(LOG_LEVELS, 'level'), help: 'only this level and worse ones' },
    ...JSON_OPTION,
    ...DATA_DIR_OPTION,
  },
  example: 'logs order payment --since 15m --level warn',
  run: showLogs,
};

async function showLogs(invocation: Invocation): Promise<number> {
  const { values, positionals } = invocation;
  const folder = placeOf(invocation).logs;
  const all = await listLogs(folder);
  if (all.length === 0) throw cliError('CLI_NOT_FOUND', `there are no logs in ${folder}`);
  const known = [...new Set(all.map(({ service }) => service))];
  const wrong = positionals.find((service) => !known.includes(service));
  if (wrong !== undefined) throw cliError('CLI_UNKNOWN_SERVICE', thereIsNo('log of', wrong, known));
  const files = all.filter(({ service }) => positionals.length === 0 || positionals.includes(service));
  // People at a terminal get readable lines, programs the JSON lines as they are.
  const format = process.stdout.isTTY && !flag(values, 'json') ? readableLine : rawLine;
  const show = ({ instance, line }: LogLine) => process.stdout.write(`${format(instance, line)}\n`);
  const since = text(values, 'since');
  const count = number(values, 'lines') ?? (since === undefined ? DEFAULT_LINES : Number.POSITIVE_INFINITY);
  const passes = () => createLogFilter(filterOf(values));
  for (const line of await readRecent(files, count, passes)) show(line);
  if (flag(values, 'follow')) await followUntilStopped(files, show, passes);
  return 0;
}

function filterOf(values: Invocation['values']): LogFilter {
  const since = text(values, 'since');
  const grep = text(values, 'grep');
  return {
    since: since === undefined ? undefined : momentOf(since, new Date()),
    pattern: grep === undefined ? undefined : new RegExp(grep, 'u'),
    level: text(values, 'level') as LogLevel | undefined, // checked by its declaration
  };
}

async function followUntilStopped(
  files: Parameters<typeof followLogs>[0],
  show: (line: LogLine) => void,
  passes: Parameters<typeof followLogs>[1],
): Promise<void> {
  const stopped = new AbortController();
  void stopSignal(() => process.exit()).then(() => stopped.abort());
  process.stdout.on('error', () => stopped.abort()); // the reader of our pipe has gone
  await followLogs(files, passes, show, stopped.signal);
}
