import type { Queryable } from '@flotilla/postgres';
import { defineSaga, type SagaCall, type SagaDefinition } from '../src/index.ts';

/**
 * A service in the middle of a deployment, for rolling.test.ts: version 2 replaces a step of version 1 by a group.
 * `booking` is the participant's: what was undone before it was done stays undone. `ledger` counts effects, not calls.
 */
export const ROLLING_TABLES = `
  CREATE TABLE booking (saga_id uuid, step text, state text, PRIMARY KEY (saga_id, step));
  CREATE TABLE ledger (saga_id uuid, step text, effect integer);
  CREATE TABLE domain_row (saga_id uuid, what text, seq serial)`;

const BOOK = `
  WITH booked AS (
    INSERT INTO booking VALUES ($1, $2, 'booked') ON CONFLICT DO NOTHING RETURNING saga_id, step)
  INSERT INTO ledger SELECT saga_id, step, 1 FROM booked`;

const UNBOOK = `
  WITH unbooked AS (
    INSERT INTO booking AS b VALUES ($1, $2, 'unbooked')
    ON CONFLICT (saga_id, step) DO UPDATE SET state = 'unbooked' WHERE b.state = 'booked'
    RETURNING saga_id, step, xmax <> 0 AS was_booked)
  INSERT INTO ledger SELECT saga_id, step, -1 FROM unbooked WHERE was_booked`;

export interface Booking {
  readonly id: string;
  /** The step that is refused; '' for none. */
  readonly refuses: string;
  /** What each step left behind, with the version that it ran by. */
  readonly trail: readonly string[];
}

/** The steps of each version; those in a group are done at the same time. */
export const STEPS: Readonly<Record<number, readonly string[]>> = {
  1: ['plan', 'hotel', 'pay', 'tell'],
  2: ['plan', 'train', 'flight', 'pay', 'tell'],
};

export function defineBooking(
  version: 1 | 2,
  db: Queryable,
  callMs: () => number = () => 0,
): SagaDefinition<Booking> {
  const leaveRow = async (tx: Queryable, id: string, what: string) => {
    await tx.query('INSERT INTO domain_row (saga_id, what) VALUES ($1, $2)', [id, what]);
  };
  const travel = (call: SagaCall) =>
    new Promise<void>((resolve, reject) => {
      const timer = setTimeout(resolve, callMs());
      call.signal.addEventListener('abort', () => {
        clearTimeout(timer);
        reject(call.signal.reason as Error);
      });
    });
  const stepOf = (name: string) => ({
    name,
    retry: { initialMs: 5, maxMs: 50 },
    do: async ({ id, refuses }: Booking, call: SagaCall) => {
      await travel(call);
      if (name === refuses) return { ok: false, reason: { code: 'full' } } as const;
      await db.query(BOOK, [id, name]);
      await travel(call);
      return { ok: true, result: name } as const;
    },
    onDone: async (tx: Queryable, data: Booking) => {
      await leaveRow(tx, data.id, `done ${name}`);
      return { ...data, trail: [...data.trail, `${name}@${version}`] };
    },
  });
  const undoable = (name: string) => ({
    ...stepOf(name),
    undo: async ({ id }: Booking, call: SagaCall) => {
      await travel(call);
      await db.query(UNBOOK, [id, name]);
    },
    onUndone: (tx: Queryable, { id }: Booking) => leaveRow(tx, id, `undone ${name}`),
  });
  return defineSaga<Booking>({
    type: 'booking',
    version,
    deadlineMs: 600_000,
    steps: (step, { parallel }) => [
      step(undoable('plan')),
      version === 1
        ? step(undoable('hotel'))
        : parallel('transport', [step(undoable('train')), step(undoable('flight'))]),
      step({ ...stepOf('pay'), pivot: true }),
      step({ ...stepOf('tell'), retriable: true }),
    ],
    onCompleted: (tx, { id }) => leaveRow(tx, id, 'completed'),
    onCompensated: (tx, { id }) => leaveRow(tx, id, 'compensated'),
  });
}
