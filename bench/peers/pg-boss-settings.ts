import { PgBoss } from 'pg-boss';
import type { BossSettings } from '../messaging/pg-boss.ts';

export async function openBoss({ uri, queue, fifo, notify }: BossSettings): Promise<PgBoss> {
  const boss = new PgBoss({ connectionString: uri, useListenNotify: notify, max: 10 });
  boss.on('error', (error: Error) => console.error(`pg-boss: ${error.message}`));
  await boss.start();
  await boss.createQueue(queue, { policy: fifo ? 'key_strict_fifo' : 'standard', notify });
  return boss;
}
