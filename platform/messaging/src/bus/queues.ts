import { crashPoint } from '@flotilla/kernel';
import type { Queryable } from '@flotilla/postgres';
import type { Operator } from '../operator.ts';
import { NOTICES } from './notices.ts';

/** What waits in a queue, whether anybody consumes it or not. */
export interface Backlog {
  readonly queue: string;
  readonly messages: number;
  /** There are too many to be counted. */
  readonly isEstimate: boolean;
  /** `undefined` where the transport cannot tell without taking the message out. */
  readonly oldestAgeSeconds: number | undefined;
}

export interface QueueStatus extends Backlog {
  /** Consuming processes that show a sign of life. */
  readonly consumers: number;
}

export type DropOutcome =
  | { readonly kind: 'dropped'; readonly messages: number; readonly isEstimate: boolean }
  /** A consumer lives. Nothing was changed. */
  | { readonly kind: 'in-use' }
  | { readonly kind: 'unknown' };

/** The queues of a bus as an operator sees them. */
export interface Queues {
  list(): Promise<readonly QueueStatus[]>;
  /**
   * Nothing is routed to the queue any more, and it is deleted with all its messages. One that consumers live of is left
   * alone without `force`; with it they begin again with an empty one. Recorded in `bus.queue_audit` before anything is
   * deleted; may be repeated after any interruption.
   */
  drop(queue: string, how: Operator & { readonly force?: boolean }): Promise<DropOutcome>;
}

/** Counted exactly; what lies beyond is estimated, so that a look costs the same however long a queue is. */
const MAX_COUNTED = 10_000;
/** Deleted in one transaction. */
const MAX_DELETED = 5_000;

interface BacklogRow {
  readonly queue: string;
  readonly messages: string;
  readonly is_estimate: boolean;
  readonly oldest_age_seconds: number;
}

function backlogOf(row: BacklogRow): Backlog {
  return {
    queue: row.queue,
    messages: Number(row.messages),
    isEstimate: row.is_estimate,
    oldestAgeSeconds: row.oldest_age_seconds,
  };
}

/** Of all queues of the bus; any role may ask. */
export async function readBacklogs(bus: Queryable): Promise<readonly Backlog[]> {
  const rows = await bus.query<BacklogRow & object>('SELECT * FROM bus.backlogs($1) WHERE queue <> $2', [
    MAX_COUNTED,
    NOTICES,
  ]);
  return rows.map(backlogOf);
}

/** The queues of the PostgreSQL bus, for its owner. */
export function createQueues(bus: Queryable): Queues {
  return {
    list: async () => {
      const rows = await bus.query<BacklogRow & { readonly consumers: number }>(
        `SELECT b.*, bus.consumers_of(q.id) AS consumers
         FROM bus.backlogs($1) b JOIN bus.queue q ON q.name = b.queue WHERE b.queue <> $2 ORDER BY b.queue`,
        [MAX_COUNTED, NOTICES],
      );
      return rows.map((row) => ({ ...backlogOf(row), consumers: row.consumers }));
    },
    drop: async (queue, { by, reason, force = false }) => {
      crashPoint('queues.before-cut-off');
      const [found] = await bus.query<{ in_use: boolean; messages: string; is_estimate: boolean }>(
        'SELECT * FROM bus.cut_off($1, $2, $3, $4, $5)',
        [queue, by, reason, force, MAX_COUNTED],
      );
      if (found === undefined) return { kind: 'unknown' };
      if (found.in_use) return { kind: 'in-use' };
      crashPoint('queues.after-cut-off');
      for (let isThere = true; isThere; ) {
        const [drained] = await bus.query<{ deleted: number | null }>(
          'SELECT bus.drain_off($1, $2) AS deleted',
          [queue, MAX_DELETED],
        );
        isThere = drained?.deleted !== null;
        crashPoint('queues.after-drain-off');
      }
      return { kind: 'dropped', messages: Number(found.messages), isEstimate: found.is_estimate };
    },
  };
}

/** Of a queue that is not in the database: before anything of it is deleted. */
export async function recordDrop(
  bus: Queryable,
  { queue, messages, isEstimate }: Backlog,
  { by, reason, force }: Operator & { readonly force: boolean },
): Promise<void> {
  await bus.query(
    `INSERT INTO bus.queue_audit (actor, action, reason, queue, messages, is_estimate)
     VALUES ($1, $2, $3, $4, $5, $6)`,
    [by, force ? 'drop-forced' : 'drop', reason, queue, messages, isEstimate],
  );
}
