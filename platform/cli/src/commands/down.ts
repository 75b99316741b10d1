import { setTimeout as delay } from 'node:timers/promises';
import { isPlatformError } from '@flotilla/kernel';
import { connectControl } from '../control-client.ts';
import type { DataDir } from '../data-dir.ts';
import { type Command, flag, JSON_OPTION } from './command.ts';
import { DATA_DIR_OPTION, placeOf } from './place.ts';

export const down: Command = {
  name: 'down',
  summary: 'drains and stops the whole system',
  options: {
    reset: { help: 'deletes all data as well, also of a system that is not running' },
    ...JSON_OPTION,
    ...DATA_DIR_OPTION,
  },
  example: 'down --reset',
  run: async (invocation) => {
    const { values } = invocation;
    const dataDir = placeOf(invocation);
    const reset = flag(values, 'reset');
    const stopped = await stopRunning(dataDir, reset);
    if (reset) await (await import('../wipe.ts')).wipe(dataDir, invocation);
    if (flag(values, 'json')) console.log(JSON.stringify({ stopped, reset }));
    else
      console.log(
        `${stopped ? 'Stopped' : 'It was not running'}${reset ? `; all data in ${dataDir.path} are gone` : ''}.`,
      );
    return 0;
  },
};

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
  } catch {
    return false;
  }
}
