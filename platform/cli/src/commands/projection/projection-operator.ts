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
import type { Database } from '@flotilla/postgres';
import { thereIsNo } from '../../command-line/there-is-no.ts';
import { cliError } from '../../errors.ts';
import { table } from '../../screen/table.ts';

const POLL_MS = 200;

export interface ProjectionTask {
  readonly verb: ProjectionVerb | 'list';
  /** Required for every verb but `list`. */
  readonly name: string | undefined;
  readonly by: string;
  readonly timeoutSeconds: number;
  readonly asJson: boolean;
}

/** Shows read models, or asks the running service for something and waits; resolves with the exit code. */
export async function operateProjection(db: Database, task: ProjectionTask): Promise<number> {
  const { verb, name, asJson } = task;
  if (verb === 'list' || name === undefined) return await list(db, name, asJson);
  return await ask(db, { ...task, verb, name });
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
    `${one.state}${one.isHalted ? ', HALTED' : one.isWaiting ? ', WAITING' : ''}`,
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

interface Question extends ProjectionTask {
  readonly verb: ProjectionVerb;
  readonly name: string;
}

/** Asks, shows what changes, and resolves with 0 when it was done. */
async function ask(db: Database, { verb, name, by, timeoutSeconds, asJson }: Question): Promise<number> {
  const known = (await listProjections(db)).filter((one) => one.name === name);
  if (known.length === 0) {
    const names = new Set((await listProjections(db)).map((one) => one.name));
    throw cliError('CLI_NOT_FOUND', thereIsNo('projection', name, [...names]));
  }
  // The event that is halted at now, not the one it may halt at by the time the service looks.
  const held = known.find((one) => one.isHalted) ?? known.find((one) => one.isWaiting);
  const atPosition = held?.failedPosition ?? undefined;
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
