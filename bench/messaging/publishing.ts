import { setTimeout as delay } from 'node:timers/promises';
import { monotonicMs, type Parcel, parcel } from './traffic.ts';

/** Commits the business rows of some parcels together with their messages. */
export type Publish = (parcels: readonly Parcel[]) => Promise<void>;

export interface ClosedLoop {
  readonly from: number;
  readonly messages: number;
  /** Transactions at once; each writer begins its next one when the last has committed. */
  readonly writers: number;
  readonly perTransaction: number;
}

export interface OpenLoop {
  readonly from: number;
  readonly perSecond: number;
  readonly seconds: number;
}

export interface Published {
  /** When each transaction was due to begin and when its commit was known, by number from `from`. */
  readonly dueMs: Float64Array;
  readonly committedMs: Float64Array;
}

export function publishingCommands(publish: Publish) {
  return {
    'closed-loop': (load: ClosedLoop) => closedLoop(publish, load),
    'open-loop': (load: OpenLoop) => openLoop(publish, load),
  };
}

async function closedLoop(
  publish: Publish,
  { from, messages, writers, perTransaction }: ClosedLoop,
): Promise<Published> {
  const published = empty(messages);
  let next = 0;
  const writer = async (): Promise<void> => {
    while (next < messages) {
      const first = next;
      next = Math.min(messages, next + perTransaction);
      published.dueMs.fill(monotonicMs(), first, next);
      const last = next;
      await publish(Array.from({ length: last - first }, (_none, n) => parcel(from + first + n)));
      published.committedMs.fill(monotonicMs(), first, last);
    }
  };
  await Promise.all(Array.from({ length: writers }, writer));
  return published;
}

/** Begins each transaction when it is due, however long the earlier ones take. */
async function openLoop(publish: Publish, { from, perSecond, seconds }: OpenLoop): Promise<Published> {
  const messages = perSecond * seconds;
  const published = empty(messages);
  const start = monotonicMs() + 10;
  const running: Promise<void>[] = [];
  for (let n = 0; n < messages; ) {
    const due = Math.min(messages, Math.floor(((monotonicMs() - start) * perSecond) / 1_000) + 1);
    for (; n < due; n += 1) {
      const number = n;
      published.dueMs[number] = start + (number * 1_000) / perSecond;
      running.push(
        publish([parcel(from + number)]).then(() => {
          published.committedMs[number] = monotonicMs();
        }),
      );
    }
    await delay(1);
  }
  await Promise.all(running);
  return published;
}

function empty(messages: number): Published {
  return { dueMs: new Float64Array(messages), committedMs: new Float64Array(messages) };
}
