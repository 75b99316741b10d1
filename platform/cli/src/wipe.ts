import { rm } from 'node:fs/promises';
import { deprovision, removeEmbeddedPostgres } from '@flotilla/postgres';
import type { Invocation } from './commands/command.ts';
import type { DataDir } from './data-dir.ts';
import { findRoot, loadSystem } from './load-system.ts';
import { openSecrets } from './secrets.ts';
import { provisionPlan } from './service-environment.ts';

/** Deletes all data of a system that is not running. */
export async function wipe(dataDir: DataDir, { cwd, env }: Invocation): Promise<void> {
  const adminUri = env['DATABASE_URL'];
  if (adminUri) {
    const system = await loadSystem(findRoot(cwd));
    await deprovision(adminUri, provisionPlan(system, await openSecrets(dataDir.secretsFile)));
  }
  await removeEmbeddedPostgres(dataDir.postgresData);
  await rm(dataDir.path, { recursive: true, force: true });
}
