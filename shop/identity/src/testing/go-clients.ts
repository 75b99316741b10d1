import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';

const SCRIPT = join(import.meta.dirname, '../../../../scripts/judges/relying-parties.sh');

/**
 * The program that `scripts/judges/relying-parties.sh` has built; built now under CI where Go is there. `undefined`: there is none, and
 * whoever asks defines no test.
 */
export function findGoClients(env: NodeJS.ProcessEnv = process.env): string | undefined {
  const cache = join(env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'flotilla-judges');
  const folders = [...(env['PATH'] ?? '').split(delimiter), '/usr/local/go/bin'];
  const hasGo = folders.some((folder) => existsSync(join(folder, 'go')));
  const isBuilt = spawnSync('sh', ['-c', `ls ${cache}/relying-parties-*/relying-parties`]).status === 0;
  if (!isBuilt && !(hasGo && env['CI'] === 'true')) return undefined;
  const { status, stdout } = spawnSync(SCRIPT, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  return status === 0 ? stdout.trim() : undefined;
}
