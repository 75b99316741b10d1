import { setTimeout as delay } from 'node:timers/promises';
import { isPlatformError } from '@flotilla/kernel';
import { type Command, flag, JSON_OPTION } from '../command-line/command.ts';
import { DATA_DIR_OPTION, placeOf } from '../command-line/place.ts';
import { connectControl } from '../control/client.ts';
import type { DataDir } from '../data-dir/data-dir.ts';
import { confirm } from './confirm.ts';

export const down: Command = {
  name: 'down',
  summary: 'drains and stops the whole system',
  options: {
    reset: { help: 'deletes all that the system made as well, also of one that is not running' },
    yes: { help: 'with --reset: does not ask' },
    ...JSON_OPTION,
    ...DATA_DIR_OPTION,
  },
  example: 'down --reset',
  run: async (invocation) => {
    const { values } = invocation;
    const dataDir = placeOf(invocation);
    const reset = flag(values, 'reset');
    const wipe = reset
      ? await (await import('../system/wipe.ts')).prepareWipe(dataDir, invocation)
      : undefined;
    if (wipe && !flag(values, 'yes'))
      await confirm({ what: wipe.what, otherwise: 'nothing was stopped and nothing was deleted' });
    const stopped = await stopRunning(dataDir, reset);
    await wipe?.carryOut();
    if (flag(values, 'json')) {
      console.log(JSON.stringify({ stopped, reset, deleted: wipe?.what ?? [] }));
      return 0;
    }
    console.log(`${stopped ? 'Stopped' : 'It was not running'}.`);
    if (reset) console.log(wipe ? report(wipe.what) : `There is nothing in ${dataDir.path}.`);
    return 0;
  },
};

function report(what: readonly string[]): string {
  return ['Deleted:', ...what.map((line) => `  ${line}`)].join('\n');
}

/** Was it running? That it was not is an error unless its data are to be wiped. */
async function stopRunning(dataDir: DataDir, reset: boolean): Promise<boolean> {
  try {
    const { pid } = await connectControl(dataDir).down();
    while (isAlive(pid)) await delay(20);
    return true;
  } catch (error) {
    if (reset && isPlatformError(error) && error.code === 'CLI_NOT_RUNNING') return false;
    throw error;
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'; // another user's
  }
}
