import { readFileSync } from 'node:fs';
import { isPlatformError, toError } from '@flotilla/kernel';
import type { Command, Invocation } from './command-line/command.ts';
import { findCommand, readArguments } from './command-line/read-command.ts';
import { overview, usageOf } from './command-line/usage.ts';
import { clients, sessions, users } from './commands/accounts.ts';
import { restart, start, stop } from './commands/change.ts';
import { completion } from './commands/completion.ts';
import { console_ } from './commands/console.ts';
import { db } from './commands/db.ts';
import { demo } from './commands/demo/demo.ts';
import { dlq } from './commands/dlq.ts';
import { down } from './commands/down.ts';
import { explain } from './commands/explain.ts';
import { fault } from './commands/fault.ts';
import { gateway } from './commands/gateway.ts';
import { keys } from './commands/keys.ts';
import { logs } from './commands/logs.ts';
import { create } from './commands/new.ts';
import { projection } from './commands/projection.ts';
import { ps } from './commands/ps.ts';
import { queue } from './commands/queue.ts';
import { registry } from './commands/registry.ts';
import { route } from './commands/route.ts';
import { run } from './commands/run.ts';
import { saga } from './commands/saga.ts';
import { slo } from './commands/slo/slo.ts';
import { up } from './commands/up.ts';
import { exitCodeOf } from './errors.ts';

/** Every command, in the order in which `flotilla --help` lists them. */
export const COMMANDS: readonly Command[] = [
  up,
  down,
  ps,
  logs,
  stop,
  start,
  restart,
  fault,
  demo,
  console_,
  run,
  db,
  registry,
  users,
  sessions,
  clients,
  keys,
  saga,
  dlq,
  queue,
  projection,
  slo,
  gateway,
  route,
  explain,
  create,
  completion(() => COMMANDS),
];

/** Runs one command line; resolves with its exit code: 0 done, 1 failed, 2 not understood, 7 nothing is running. */
export async function runCommandLine(
  argv: readonly string[],
  context: Pick<Invocation, 'cwd' | 'env'>,
): Promise<number> {
  const [first = '--help', ...rest] = argv;
  try {
    if (first === '--version' || first === '-V') {
      console.log(`flotilla ${version()}, Node ${process.versions.node}`);
      return 0;
    }
    const asksForHelp = ['--help', '-h', 'help'].includes(first);
    if (asksForHelp && rest.length === 0) {
      console.log(overview(COMMANDS));
      return 0;
    }
    const found = findCommand(COMMANDS, asksForHelp ? rest : argv);
    const { wantsHelp, ...given } = readArguments(asksForHelp ? { ...found, rest: ['--help'] } : found);
    if (wantsHelp || found.command.run === undefined) {
      const more = await found.command.belowHelp?.(context.cwd);
      console.log([usageOf(found.path, found.command), more].filter(Boolean).join('\n\n'));
      return 0;
    }
    return await found.command.run({ ...given, ...context });
  } catch (thrown) {
    return report(toError(thrown), argv.includes('--json'));
  }
}

/** Says what went wrong, for people or for programs, and resolves with the exit code that belongs to it. */
function report(error: Error, asJson: boolean): number {
  const code = isPlatformError(error) ? error.code : 'CLI_UNEXPECTED';
  const { message } = error;
  if (asJson) console.error(JSON.stringify({ code, message }));
  else if (code !== 'CLI_UNEXPECTED') console.error(`flotilla: ${message}`);
  // A fault of this program: its stack is what a report about it needs.
  else console.error(`flotilla: this should not have happened\n${error.stack ?? message}`);
  return exitCodeOf(code);
}

function version(): string {
  const file = new URL('../package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { readonly version: string }).version;
}
