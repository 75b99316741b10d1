import type { Clock } from '@flotilla/kernel';
import type { Logger } from '@flotilla/telemetry';
import { commitTooLarge } from '../errors.ts';
import { followJournal } from './follow-journal.ts';
import type { Journal } from './journal.ts';
import { Draft, type WholeState } from './state.ts';

/** The inventory as a journal has it. */
export interface DocumentState {
  /**
   * Runs `work` on what is there now and commits what it did, if anything. `work` may only await what comes of the draft: it
   * runs again when another process was faster. Changes that wait at the same time are committed as one entry.
   */
  change<T>(work: (draft: Draft, state: WholeState) => Promise<T>): Promise<T>;
  /** Looks at everything that was committed before the question. */
  read<T>(look: (state: WholeState) => T): Promise<T>;
  close(): Promise<void>;
}

export interface DocumentStateDeps {
  readonly journal: Journal;
  readonly clock: Clock;
  readonly newId: () => string;
  readonly logger: Logger;
}

interface Waiting {
  readonly work: (draft: Draft, state: WholeState) => Promise<unknown>;
  readonly resolve: (value: never) => void;
  readonly reject: (error: unknown) => void;
}

/** What those that wait would do together. */
interface Decided {
  readonly draft: Draft;
  readonly done: readonly { readonly waiting: Waiting; readonly value: unknown }[];
  /** Those that did not fit into the same entry. */
  readonly left: readonly Waiting[];
}

const MAX_GROUP = 200;
/** Below the 16 MiB of a document. */
const MAX_BYTES = 12 * 2 ** 20;

export function commitInGroups({ journal, clock, newId, logger }: DocumentStateDeps): DocumentState {
  const followed = followJournal(journal, logger);
  const queue: Waiting[] = [];
  let committing: Promise<void> | undefined;

  /** What fails is told at once, and does nothing. */
  async function decide(group: readonly Waiting[]): Promise<Decided> {
    const { state } = followed;
    const draft = new Draft(state);
    const done: { waiting: Waiting; value: unknown }[] = [];
    let bytes = 0;
    for (const [index, waiting] of group.entries()) {
      const own = new Draft(draft);
      try {
        const value = await waiting.work(own, state);
        const size = journal.bytesOf(own.operations);
        if (size > MAX_BYTES) throw commitTooLarge(size, MAX_BYTES);
        if (bytes + size > MAX_BYTES) return { draft, done, left: group.slice(index) };
        bytes += size;
        for (const operation of own.operations) draft.do(operation);
        done.push({ waiting, value });
      } catch (error) {
        waiting.reject(error);
      }
    }
    return { draft, done, left: [] };
  }

  async function commit(group: readonly Waiting[]): Promise<void> {
    let undecided = group;
    try {
      for (;;) {
        await followed.catchUp();
        // If a question takes in more while this decides, this place is taken, and it decides again.
        const place = followed.position + 1;
        const { draft, done, left } = await decide(undecided);
        queue.unshift(...left);
        undecided = done.map(({ waiting }) => waiting);
        if (!(await append(place, draft))) continue;
        for (const { waiting, value } of done) waiting.resolve(value as never);
        return;
      }
    } catch (error) {
      for (const { reject } of undecided) reject(error);
    }
  }

  async function append(place: number, { operations }: Draft): Promise<boolean> {
    if (operations.length === 0) return true;
    const how = await journal.append({ _id: place, by: newId(), at: clock.now(), operations });
    if (how === 'appended') followed.take(place, operations);
    return how === 'appended';
  }

  async function commitAll(): Promise<void> {
    while (queue.length > 0) await commit(queue.splice(0, MAX_GROUP));
    committing = undefined;
  }

  return {
    change: (work) =>
      new Promise((resolve, reject) => {
        queue.push({ work, resolve, reject });
        committing ??= Promise.resolve().then(commitAll);
      }),
    read: async (look) => {
      await followed.catchUp();
      return look(followed.state);
    },
    close: async () => {
      await committing;
      await followed.close();
    },
  };
}
