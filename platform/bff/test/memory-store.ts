import type { Transaction } from '@flotilla/postgres';
import type { SessionRow, SessionStore } from '../src/session-store.ts';

/** The rows of a database in memory, with the lock that a transaction holds to its end. */
export function createMemoryStore() {
  const rows = new Map<string, SessionRow>();
  const locks = new Map<string, Promise<void>>();
  const held = new WeakMap<object, () => void>();
  const key = (idHash: Buffer) => idHash.toString('hex');
  const store: SessionStore = {
    insert: async (row) => void rows.set(key(row.idHash), { ...row, version: 1 }),
    find: async (idHash, now) => {
      const row = rows.get(key(idHash));
      return row && row.idleUntil > now && row.endsAt > now ? row : undefined;
    },
    lock: async (tx, idHash) => {
      const before = locks.get(key(idHash)) ?? Promise.resolve();
      const { promise, resolve } = Promise.withResolvers<void>();
      locks.set(
        key(idHash),
        before.then(() => promise),
      );
      await before;
      held.set(tx, resolve);
    },
    replaceTokens: async (_tx, { idHash, version, sealed, accessExpiresAt }) => {
      const row = rows.get(key(idHash));
      if (row?.version !== version) return false;
      rows.set(key(idHash), { ...row, sealed, accessExpiresAt, version: version + 1 });
      return true;
    },
    keepAlive: async (idHash, idleUntil) => {
      const row = rows.get(key(idHash));
      if (row !== undefined) rows.set(key(idHash), { ...row, idleUntil });
    },
    end: async (idHash) => {
      const row = rows.get(key(idHash));
      rows.delete(key(idHash));
      return row;
    },
    endOf: async (of) => {
      const ended = [...rows.values()].filter((row) =>
        'subject' in of ? row.subject === of.subject : row.issuerSession === of.issuerSession,
      );
      for (const { idHash } of ended) rows.delete(key(idHash));
      return ended.map(({ idHash }) => idHash);
    },
    forgetEnded: async () => undefined,
  };
  return {
    store,
    rows,
    refreshDb: {
      transaction: async <T>(work: (tx: Transaction) => Promise<T>): Promise<T> => {
        const tx = {} as Transaction; // the store above asks nothing of it
        try {
          return await work(tx);
        } finally {
          held.get(tx)?.();
        }
      },
    },
  };
}
