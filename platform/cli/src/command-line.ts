import { parseArgs } from 'node:util';
import { isPlatformError, toError } from '@flotilla/kernel';
import { restart, start, stop } from './commands/change.ts';
import type { Command, Invocation } from './commands/command.ts';
import { db } from './commands/db.ts';
import { dlq } from './commands/dlq.ts';
import { down } from './commands/down.ts';
import { explain } from './commands/explain.ts';
import { gateway } from './commands/gateway.ts';
import { logs } from './commands/logs.ts';
import { projection } from './commands/projection.ts';
import { ps } from './commands/ps.ts';
import { registry } from './commands/registry.ts';
import { route } from './commands/route.ts';
import { saga } from './commands/saga.ts';
import { up } from './commands/up.ts';
import { cliError, exitCodeOf } from './errors.ts';
import { overview, suggest, usageOf } from './usage.ts';

const COMMANDS: readonly Command[] = [
  up,
  ps,
  logs,
  stop,
  start,
  restart,
  down,
  db,
  registry,
  dlq,
  projection,
  saga,
  gateway,
  explain,
  route,
];

/** Runs one command line; resolves with its exit code: 0 done, 1 failed, 2 not understood, 7 nothing is running. */
export async function runCommandLine(
  argv: readonly string[],
  context: Pick<Invocation, 'cwd' | 'env'>,
): Promise<number> {
  const [name = '--help', ...rest] = argv;
  try {
    if (['--help', '-h', 'help'].includes(name)) {
      console.log(overview(COMMANDS));
      return 0;
    }
    const command = findCommand(name);
    if (rest.includes('--help') || rest.includes('-h')) {
      console.log(usageOf(command));
      return 0;
    }
    return await command.run({ ...parse(command, rest), ...context });
  } catch (thrown) {
    const error = toError(thrown);
    if (!isPlatformError(error)) throw error;
    console.error(`flotilla: ${error.message}`);
    return exitCodeOf(error.code);
  }
}

function findCommand(name: string): Command {
  const command = COMMANDS.find((one) => one.name === name);
  if (command) return command;
  const meant = suggest(
    name,
    COMMANDS.map((one) => one.name),
  );
  const hint = meant ? `did you mean ${meant}?` : 'flotilla --help lists the commands';
  throw cliError('CLI_USAGE', `there is no command ${name}: ${hint}`);
}

function parse(command: Command, args: readonly string[]): Pick<Invocation, 'values' | 'positionals'> {
  const { values, positionals } = parseStrictly(command, args);
  const [least, most] = command.takes;
  if (positionals.length < least || positionals.length > most)
    throw cliError('CLI_USAGE', `usage: flotilla ${command.name} ${command.arguments}`.trimEnd());
  return { values: values as Invocation['values'], positionals };
}

function parseStrictly(command: Command, args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: command.options,
      allowPositionals: true,
      allowNegative: true,
    });
  } catch (error) {
    throw cliError(
      'CLI_USAGE',
      `${(error as Error).message.split('. ')[0]}: see flotilla ${command.name} --help`,
      error,
    );
  }
}
