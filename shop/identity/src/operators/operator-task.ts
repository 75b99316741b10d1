import { createDatabase } from '@flotilla/postgres';
import { runTask, taskError } from '@flotilla/process';
import { readClients } from '../config.ts';
import type { Operator } from '../operator-audit.ts';
import { type Desk, openDesk } from './desk.ts';
import { operatorOf, parseOperatorArguments } from './operator-arguments.ts';

/** What came of it: for programs, and in words. */
export interface Outcome {
  readonly json: unknown;
  readonly text: string;
}

interface Action {
  /** Names of what it is given, as its usage shows them. */
  readonly takes: readonly string[];
}

/** Shows something, and changes nothing. */
interface Look extends Action {
  readonly look: (desk: Desk, ...given: readonly string[]) => Promise<Outcome>;
}

/** Changes something: with a reason, on the record. */
interface Change extends Action {
  readonly change: (desk: Desk, operator: Operator, ...given: readonly string[]) => Promise<Outcome>;
}

export type Actions = Readonly<Record<string, Look | Change>>;

/** A task of several actions: `users show <user>`. */
export async function runOperatorTask(name: string, actions: Actions): Promise<void> {
  await runTask({
    service: 'identity',
    name,
    readConfig: readClients,
    run: async ({ config, args, clock, newId, say, defer }) => {
      const usage = usageOf(name, actions);
      const { positionals, asJson, ...who } = parseOperatorArguments(args, usage);
      const [word = '', ...given] = positionals;
      const action = Object.hasOwn(actions, word) ? actions[word] : undefined;
      if (action === undefined || given.length !== action.takes.length)
        throw taskError('TASK_USAGE', `usage: ${usage}`);
      const operator = 'change' in action ? operatorOf(who, usage) : undefined;
      const db = createDatabase({ uri: config.DATABASE_URL, applicationName: name, maxConnections: 2 });
      defer('database', db.close);
      const desk = openDesk({ db, clock, newId, issuer: config.ISSUER, clients: config.clients });
      const outcome =
        'change' in action && operator
          ? await action.change(desk, operator, ...given)
          : await (action as Look).look(desk, ...given);
      say(asJson ? JSON.stringify(outcome.json) : outcome.text);
    },
  });
}

function usageOf(name: string, actions: Actions): string {
  const lines = Object.entries(actions).map(([word, action]) => {
    const taken = action.takes.map((what) => `<${what}>`);
    const options = 'change' in action ? ['--reason <text>', '[--by <name>]'] : [];
    return [name, word, ...taken, ...options, '[--json]'].join(' ');
  });
  return lines.join('\n  ');
}

/** Columns as wide as their widest cell. */
export function columns(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((cell, at) => cell.padEnd(widths[at] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
