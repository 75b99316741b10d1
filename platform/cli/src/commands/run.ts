import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import { type Command, flag, type Invocation, JSON_OPTION } from '../command-line/command.ts';
import { DATA_DIR_OPTION, placeOf } from '../command-line/place.ts';
import { thereIsNo } from '../command-line/there-is-no.ts';
import { SERVICE, TASK, type ValueKind } from '../command-line/value-kinds.ts';
import { connectControl } from '../control/client.ts';
import type { TaskProgram } from '../control/server.ts';
import { cliError } from '../errors.ts';
import { startWith } from '../launch/settings-pipe.ts';
import { findRoot, loadSystem } from '../load-system.ts';
import { table } from '../screen/table.ts';

const ARGUMENT: ValueKind = { placeholder: '<argument>', offers: 'files' };

export const run: Command = {
  name: 'run',
  summary:
    'runs a one-off task of a service as that service: in its environment, on its database, in its role; lists them without a task',
  arguments: [
    { kind: SERVICE, isOptional: true },
    { kind: TASK, isOptional: true },
    { kind: ARGUMENT, isOptional: true, isRepeated: true },
  ],
  options: { ...JSON_OPTION, ...DATA_DIR_OPTION },
  example: 'run inventory import-products products.json',
  belowHelp: async (cwd) => {
    const rows = await tasksIn(cwd).catch(() => []);
    if (rows.length === 0) return 'What a task is given as options stands behind --.';
    return `What a task is given as options stands behind --. Here:\n${listing(rows)}`;
  },
  run: async (invocation) => {
    const [service, task, ...args] = invocation.positionals;
    if (service === undefined || task === undefined) return await listTasks(invocation, service);
    const program = await connectControl(placeOf(invocation)).task(service, task);
    return await runProgram(program, args, invocation.cwd);
  },
};

interface TaskRow {
  readonly service: string;
  readonly task: string;
  readonly summary: string;
}

async function tasksIn(cwd: string): Promise<readonly TaskRow[]> {
  const { services } = await loadSystem(findRoot(cwd));
  return Object.entries(services).flatMap(([service, { tasks = {} }]) =>
    Object.entries(tasks).map(([task, { summary }]) => ({ service, task, summary })),
  );
}

function listing(rows: readonly TaskRow[]): string {
  return table(rows.map(({ service, task, summary }) => [`  ${service} ${task}`, summary]));
}

async function listTasks({ cwd, values }: Invocation, service: string | undefined): Promise<number> {
  const { services } = await loadSystem(findRoot(cwd));
  if (service !== undefined && !Object.hasOwn(services, service))
    throw cliError('CLI_UNKNOWN_SERVICE', thereIsNo('service', service, Object.keys(services)));
  const rows = (await tasksIn(cwd)).filter((row) => service === undefined || row.service === service);
  if (flag(values, 'json')) console.log(JSON.stringify(rows));
  else console.log(rows.length === 0 ? `${service ?? 'This system'} has no tasks.` : listing(rows));
  return 0;
}

/** On the terminal of this process; resolves with its exit code, or 128 and the number of the signal that ended it. */
export async function runProgram(
  { entry, env }: TaskProgram,
  args: readonly string[],
  cwd: string,
): Promise<number> {
  const start = startWith(env);
  const child = spawn(process.execPath, [...start.nodeArguments, entry, ...args], {
    cwd,
    env: start.env,
    stdio: ['inherit', 'inherit', 'inherit', 'ignore', 'pipe'],
  });
  start.send(child);
  // The terminal sends Ctrl-C to both; what is sent to this process alone is passed on.
  process.on('SIGINT', () => undefined);
  for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill(signal));
  const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
  return code ?? 128 + (signal === null ? 0 : constants.signals[signal]);
}
