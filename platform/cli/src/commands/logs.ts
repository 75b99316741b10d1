import { cliError } from '../errors.ts';
import { followLogs, type LogLine, listLogs, readRecent } from '../log-files.ts';
import { rawLine, readableLine } from '../log-view.ts';
import { stopSignal } from '../stop-signals.ts';
import { type Command, flag, type Invocation, JSON_HELP, JSON_OPTION, text } from './command.ts';
import { DATA_DIR_HELP, DATA_DIR_OPTION, placeOf } from './place.ts';

export const logs: Command = {
  name: 'logs',
  arguments: '[service]',
  summary: 'shows what all services, or one of them, wrote',
  takes: [0, 1],
  options: {
    follow: { type: 'boolean', short: 'f' },
    lines: { type: 'string', short: 'n' },
    ...JSON_OPTION,
    ...DATA_DIR_OPTION,
  },
  help: {
    follow: 'goes on with new lines until Ctrl-C',
    lines: 'how many old lines of each process (default 100)',
    ...JSON_HELP,
    ...DATA_DIR_HELP,
  },
  run: showLogs,
};

async function showLogs(invocation: Invocation): Promise<number> {
  const { values, positionals } = invocation;
  const [service] = positionals;
  const count = text(values, 'lines') ?? '100';
  if (!/^\d{1,7}$/.test(count)) throw cliError('CLI_USAGE', `--lines must be a number, got ${count}`);
  const folder = placeOf(invocation).logs;
  const files = await listLogs(folder, service);
  if (files.length === 0)
    throw cliError('CLI_UNKNOWN_SERVICE', `there are no logs${service ? ` of ${service}` : ''} in ${folder}`);
  // People at a terminal get readable lines, programs the JSON lines as they are.
  const format = process.stdout.isTTY && !flag(values, 'json') ? readableLine : rawLine;
  const show = ({ instance, line }: LogLine) => process.stdout.write(`${format(instance, line)}\n`);
  for (const line of await readRecent(files, Number(count))) show(line);
  if (flag(values, 'follow')) await followUntilStopped(files, show);
  return 0;
}

async function followUntilStopped(
  files: Parameters<typeof followLogs>[0],
  show: (line: LogLine) => void,
): Promise<void> {
  const stopped = new AbortController();
  void stopSignal(() => process.exit()).then(() => stopped.abort());
  process.stdout.on('error', () => stopped.abort()); // the reader of our pipe has gone
  await followLogs(files, show, stopped.signal);
}
