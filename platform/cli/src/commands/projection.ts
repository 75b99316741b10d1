import { userInfo } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type GenerationStatus,
  listProjectionCommands,
  listProjections,
  type ProjectionCommand,
  type ProjectionVerb,
  readProjectionCommand,
  requestProjection,
} from '@flotilla/event-store';
import { createDatabase, type Database } from '@flotilla/postgres';
import { connectControl } from '../control-client.ts';
import { cliError } from '../errors.ts';
import { table } from '../table.ts';
import { type Command, flag, JSON_HELP, JSON_OPTION, text } from './command.ts';
import { DATA_DIR_HELP, DATA_DIR_OPTION, placeOf } from './place.ts';

const VERBS: readonly ProjectionVerb[] = ['rebuild', 'rollback', 'skip', 'resume'];
const DEFAULT_TIMEOUT_SECONDS = 600;
const POLL_MS = 200;

/**
 * The command runs no code of the service: it writes what is wanted into the service's database, and the running
 * service does it.
 */
export const projection: Command = {
  name: 'projection',
  arguments: 'list|rebuild|rollback|skip|resume <service> [name]',
  summary:
    'shows the read models of a service; rebuilds one beside the old, goes back, gets it past an event',
  takes: [2, 3],
  options: {
    by: { type: 'string' },
    timeout: { type: 'string' },
    ...JSON_OPTION,
    ...DATA_DIR_OPTION,
  },
  help: {
    by: 'who asks, for the record (default: your login)',
    timeout: `seconds to wait for the end (default ${DEFAULT_TIMEOUT_SECONDS}); the service goes on without you`,
    ...JSON_HELP,
    ...DATA_DIR_HELP,
  },
  run: async (invocation) => {
    const { values, positionals } = invocation;
    const [action = '', service = '', name] = positionals;
    const verb = VERBS.find((one) => one === action);
    if (verb === undefined && action !== 'list')
      throw cliError('CLI_USAGE', `projection knows list, ${VERBS.join(', ')}, not ${action}`);
    if (verb !== undefined && name === undefined)
      throw cliError('CLI_USAGE', `usage: flotilla projection ${verb} <service> <name>`);
    const timeoutSeconds = Number(text(values, 'timeout') ?? DEFAULT_TIMEOUT_SECONDS);
    if (!(timeoutSeconds >= 0)) throw cliError('CLI_USAGE', '--timeout takes a number of seconds');
    const uri = await connectControl(placeOf(invocation)).databaseUri(service, true);
    const db = createDatabase({ uri, applicationName: 'flotilla projection', maxConnections: 1 });
    const asJson = flag(values, 'json');
    try {
      if (!(await hasProjections(db))) throw cliError('CLI_USAGE', `${service} has no projections`);
      if (verb === undefined || name === undefined) return await list(db, name, asJson);
      const by = text(values, 'by') ?? userInfo().username;
      return await ask(db, { verb, name, by, timeoutSeconds, asJson });
    } finally {
      await db.close();
    }
  },
};

async function hasProjections(db: Database): Promise<boolean> {
  const [row] = await db.query<{ has: boolean }>(
    "SELECT to_regclass('projection_command') IS NOT NULL AS has",
  );
  return row?.has === true;
}

async function list(db: Database, name: string | undefined, asJson: boolean): Promise<number> {
  const generations = (await listProjections(db)).filter((one) => name === undefined || one.name === name);
  const commands = (await listProjectionCommands(db)).filter(
    (one) => name === undefined || one.name === name,
  );
  if (asJson) console.log(JSON.stringify({ generations, commands }, null, 2));
  else console.log([generationTable(generations), ...commandLines(commands)].join('\n'));
  return generations.some((one) => one.isHalted) ? 1 : 0;
}

function generationTable(generations: readonly GenerationStatus[]): string {
  const rows = generations.map((one) => [
    one.name,
    one.inline ? 'inline' : 'asynchronous',
    `${one.generation}`,
    `${one.version}`,
    one.isHalted ? `${one.state}, HALTED` : one.state,
    one.lagEvents === 0 ? '-' : `${one.lagEvents} events, ${one.lagSeconds.toFixed(1)} s`,
    one.error === null ? '' : `${one.failedEvent}: ${one.error}`,
  ]);
  return table([['PROJECTION', 'KIND', 'GENERATION', 'VERSION', 'STATE', 'BEHIND', 'ERROR'], ...rows]);
}

function commandLines(commands: readonly ProjectionCommand[]): readonly string[] {
  if (commands.length === 0) return [];
  const rows = commands.map(({ requestedAt, requestedBy, verb, name, status, outcome }) => [
    requestedAt.toISOString(),
    requestedBy,
    `${verb} ${name}`,
    status,
    outcome ?? '',
  ]);
  return ['', table([['ASKED AT', 'BY', 'FOR', 'STATUS', 'OUTCOME'], ...rows])];
}

interface Question {
  readonly verb: ProjectionVerb;
  readonly name: string;
  readonly by: string;
  readonly timeoutSeconds: number;
  readonly asJson: boolean;
}

/** Asks, shows what changes, and resolves with 0 when it was done. */
async function ask(db: Database, { verb, name, by, timeoutSeconds, asJson }: Question): Promise<number> {
  const known = (await listProjections(db)).filter((one) => one.name === name);
  if (known.length === 0) throw cliError('CLI_USAGE', `there is no projection ${name}`);
  // The event that is halted at now, not the one it may halt at by the time the service looks.
  const atPosition = known.find((one) => one.isHalted)?.failedPosition ?? undefined;
  const id = await requestProjection(db, {
    name,
    verb,
    by,
    ...(verb === 'skip' && atPosition !== undefined && { atPosition }),
  });
  const show = (line: string) => (asJson ? undefined : console.log(line));
  const command = await follow(db, id, name, performance.now() + timeoutSeconds * 1_000, show);
  if (asJson) console.log(JSON.stringify(command, null, 2));
  if (command.status === 'done') return 0;
  if (command.status === 'pending' || command.status === 'running')
    show(`It is still ${command.status}; the service does it when it runs. See: flotilla projection list`);
  return 1;
}

async function follow(
  db: Database,
  id: string,
  name: string,
  until: number,
  show: (line: string) => void,
): Promise<ProjectionCommand> {
  let last = '';
  for (;;) {
    const command = await readProjectionCommand(db, id);
    if (command === undefined) throw cliError('CLI_USAGE', `command ${id} has vanished`);
    const building = (await listProjections(db)).find((one) => one.name === name && one.state === 'building');
    const line = `${command.status}${command.outcome ? `: ${command.outcome}` : ''}${progressOf(building)}`;
    if (line !== last) show(line);
    last = line;
    const isOver = command.status !== 'pending' && command.status !== 'running';
    if (isOver || building?.isHalted || performance.now() >= until) return command;
    await sleep(POLL_MS);
  }
}

function progressOf(building: GenerationStatus | undefined): string {
  if (building === undefined) return '';
  if (building.isHalted) return `; HALTED at ${building.failedEvent}: ${building.error}`;
  return building.lagEvents === 0
    ? ''
    : `; ${building.lagEvents}${building.lagEvents >= 10_000 ? '+' : ''} events to go`;
}
