import { createInterface } from 'node:readline/promises';
import { isatty } from 'node:tty';
import { cliError } from '../errors.ts';

export interface Deletion {
  readonly what: readonly string[];
  /** What is so when the answer is not `yes`. */
  readonly otherwise: string;
}

/** Asks on a terminal; elsewhere it has to be said beforehand, with `--yes`. */
export async function confirm({ what, otherwise }: Deletion): Promise<void> {
  const list = ['This deletes:', ...what.map((line) => `  ${line}`)].join('\n');
  // Asking `process.stdin` would open it.
  if (!isatty(0) || !isatty(1))
    throw cliError('CLI_USAGE', `nothing was deleted: say --yes to mean it. ${list}`);
  const terminal = createInterface(process.stdin, process.stdout);
  const answer = await terminal.question(`${list}\nType yes to go on: `).finally(() => terminal.close());
  if (answer.trim() !== 'yes') throw cliError('CLI_USAGE', otherwise);
}
