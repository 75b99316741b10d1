import type { Entry, Journal, Snapshot } from '../src/documents/journal.ts';

export interface MemoryJournal extends Journal {
  readonly entries: readonly Entry[];
  readonly snapshots: readonly Snapshot[];
}

/** A journal that lasts as long as the test. Copies go in and out, as with a server. */
export function createMemoryJournal(): MemoryJournal {
  const entries: Entry[] = [];
  const snapshots: Snapshot[] = [];
  return {
    entries,
    snapshots,
    readAfter: async (position) => structuredClone(entries.slice(position)),
    append: async (entry) => {
      if (entry._id !== entries.length + 1) return 'taken';
      entries.push(structuredClone(entry));
      return 'appended';
    },
    readSnapshot: async () => structuredClone(snapshots.at(-1)),
    writeSnapshot: async (snapshot) => {
      snapshots.push(structuredClone(snapshot));
    },
    bytesOf: (operations) => JSON.stringify(operations).length,
    ping: async () => undefined,
  };
}
