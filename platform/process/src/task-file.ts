import { readFile } from 'node:fs/promises';
import type { Result } from '@flotilla/kernel';
import { taskError } from './errors.ts';

const MOST_SHOWN = 50;

/**
 * What `read` makes of the file that an operator hands to a task. Throws `TASK_REFUSED` when there is no such file, or with
 * what `read` says is wrong with it, a line each.
 */
export async function readTaskFile<T>(
  file: string,
  read: (text: string) => Result<T, readonly string[]>,
): Promise<T> {
  const text = await readFile(file, 'utf8').catch((error: Error) => {
    throw taskError('TASK_REFUSED', `${file} cannot be read: ${error.message}`);
  });
  const result = read(text);
  if (result.ok) return result.value;
  const shown = result.rejection.slice(0, MOST_SHOWN).map((problem) => `\n  ${problem}`);
  const left = result.rejection.length - shown.length;
  const more = left > 0 ? `\n  and ${left} more` : '';
  throw taskError('TASK_REFUSED', `${file} is not usable, nothing was changed:${shown.join('')}${more}\n`);
}
