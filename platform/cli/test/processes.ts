import { readFile } from 'node:fs/promises';
import { eventually } from '@flotilla/kernel/testing';
import { createDatabase } from '@flotilla/postgres';
import type { InstanceStatus } from '../src/control/client.ts';

async function isAlive(pid: number): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  const status = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return !status.includes(') Z '); // ended, and its new parent has not looked yet
}

export async function assertGone(instances: readonly InstanceStatus[]): Promise<void> {
  for (const { pid, instance } of instances) {
    if (pid !== null) await eventually(`${instance} has ended`, async () => !(await isAlive(pid)));
  }
}

/** By a connection of its own. */
export async function query(uri: string, sql: string): Promise<Record<string, unknown>[]> {
  const db = createDatabase({ uri, applicationName: 'test', maxConnections: 1, acquireTimeoutMs: 30_000 });
  try {
    return await db.query(sql);
  } finally {
    await db.close();
  }
}
