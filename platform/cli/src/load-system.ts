import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { SystemConfig } from './config.ts';
import { cliError } from './errors.ts';

export const CONFIG_FILE = 'flotilla.config.ts';

/** The nearest folder, upwards from `start`, that holds a system. */
export function findRoot(start: string): string {
  for (let folder = start; ; folder = dirname(folder)) {
    if (existsSync(join(folder, CONFIG_FILE))) return folder;
    if (folder === dirname(folder))
      throw cliError('CLI_USAGE', `there is no ${CONFIG_FILE} in ${start} or above it`);
  }
}

export async function loadSystem(root: string): Promise<SystemConfig> {
  const file = join(root, CONFIG_FILE);
  try {
    const loaded = (await import(pathToFileURL(file).href)) as { readonly default?: SystemConfig };
    if (loaded.default?.services) return loaded.default;
  } catch (error) {
    throw cliError('CLI_USAGE', `${file} cannot be used: ${(error as Error).message}`, error);
  }
  throw cliError('CLI_USAGE', `${file} must export a system: export default defineSystem({ … })`);
}
