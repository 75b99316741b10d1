import { backoffMs, crashPoint } from '@flotilla/kernel';
import type { Logger } from '@flotilla/telemetry';
import type { OutboxRow, OutboxStore } from './outbox-store.ts';

export interface RefusalOptions {
  readonly store: Pick<OutboxStore, 'retryLater' | 'park'>;
  /** Refusals of one message before it is parked. */
  readonly maxAttempts: number;
  readonly logger: Logger;
}

/** What becomes of a message that the transport refused: it is tried again later, in the end it is parked. */
export async function settleRefusal(
  { store, maxAttempts, logger }: RefusalOptions,
  row: OutboxRow,
  reason: string,
): Promise<void> {
  const attempts = row.attempts + 1;
  const facts = { messageId: row.message_id, type: row.type, attempts, reason };
  if (attempts < maxAttempts) {
    logger.warn(facts, 'the transport refused a message, it is tried again');
    await store.retryLater(row, reason, backoffMs(attempts, 500, 60_000));
    crashPoint('relay.after-retry-later');
    return;
  }
  logger.error(facts, 'the transport keeps refusing a message, it is parked');
  crashPoint('relay.before-park');
  await store.park(row, reason, `refused ${attempts} times: ${reason}`);
  crashPoint('relay.after-park');
}
