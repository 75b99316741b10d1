import { type Command, flag, type Invocation, JSON_OPTION, number } from '../command-line/command.ts';
import { DATA_DIR_OPTION } from '../command-line/place.ts';
import { amount, SERVICE, textOf } from '../command-line/value-kinds.ts';
import { BY_OPTION, inDatabaseOf, userOf } from './operator.ts';

const DEFAULT_TIMEOUT_SECONDS = 600;
const PROJECTIONS = {
  table: 'projection_command',
  migrations: 'event-store',
  without: 'has no projections',
};
type Verb = 'list' | 'rebuild' | 'rollback' | 'skip' | 'resume';

/** It runs no code of the service: it writes what is wanted into the service's database, and the running service does it. */
async function act(verb: Verb, invocation: Invocation): Promise<number> {
  const { values, positionals } = invocation;
  const [service = '', name] = positionals;
  const timeoutSeconds = number(values, 'timeout') ?? DEFAULT_TIMEOUT_SECONDS;
  // Loaded when it is needed: every other command would pay for it at its start.
  const { operateProjection } = await import('./projection/projection-operator.ts');
  const task = { verb, name, by: userOf(values), timeoutSeconds, asJson: flag(values, 'json') };
  return await inDatabaseOf(invocation, service, PROJECTIONS, (db) => operateProjection(db, task));
}

function changing(verb: Exclude<Verb, 'list'>, summary: string): Command {
  return {
    name: verb,
    summary,
    arguments: [{ kind: SERVICE }, { kind: textOf('name') }],
    options: {
      ...BY_OPTION,
      timeout: {
        kind: amount('seconds'),
        help: `how long to wait for the end (default ${DEFAULT_TIMEOUT_SECONDS}); the service goes on without you`,
      },
      ...JSON_OPTION,
      ...DATA_DIR_OPTION,
    },
    example: `projection ${verb} order order_view`,
    run: (invocation) => act(verb, invocation),
  };
}

export const projection: Command = {
  name: 'projection',
  summary: 'shows the read models of a service, rebuilds one, gets one past an event',
  commands: [
    {
      name: 'list',
      summary: 'read models: generation, state, how far behind; exit 1 when one is halted',
      arguments: [{ kind: SERVICE }, { kind: textOf('name'), isOptional: true }],
      options: { ...JSON_OPTION, ...DATA_DIR_OPTION },
      example: 'projection list order',
      run: (invocation) => act('list', invocation),
    },
    changing('rebuild', 'makes one anew beside the old one'),
    changing('rollback', 'goes back to the generation before'),
    changing('skip', 'gets one past the event that it is halted at'),
    changing('resume', 'tries the event that it is halted at again'),
  ],
};
