import { createTombs } from './tombs.ts';
import type { Topics } from './topics.ts';

export interface Entry {
  readonly key: string;
  readonly value: Buffer;
  /** 64 bits without a meaning here: Go's lock knows itself by them. */
  readonly flags: bigint;
  readonly lockIndex: number;
  /** The session that holds it, empty when nobody does. */
  readonly session: string;
  readonly createIndex: number;
  readonly modifyIndex: number;
}

export interface Write {
  readonly value: Buffer;
  readonly flags: bigint;
}

/** Keys and values, with locks by sessions. Whoever waits for a key or a prefix is woken by its changes alone. */
export interface KeyValues {
  get(key: string): Entry | undefined;
  /** In the order of the keys. */
  list(prefix: string): readonly Entry[];
  /** Of the key or, with `isPrefix`, of all below it: what was deleted counts. */
  index(key: string, isPrefix: boolean): number;
  wait(key: string, isPrefix: boolean, seen: number, waitMs: number, signal: AbortSignal): Promise<void>;
  put(key: string, write: Write): void;
  /** `false` when the entry is another one than that of the index; 0 = there must be none. */
  compareAndSet(key: string, write: Write, index: number): boolean;
  /** `false` when another session holds it. */
  acquire(key: string, write: Write, session: string): boolean;
  /** `false` when this session does not hold it. */
  release(key: string, write: Write, session: string): boolean;
  delete(key: string): void;
  /** `false` when the entry has another index. */
  compareAndDelete(key: string, index: number): boolean;
  deletePrefix(prefix: string): void;
  heldBy(session: string): readonly string[];
}

const topicOf = (key: string) => `kv/${key}`;
const prefixTopicOf = (prefix: string) => `kv-prefix/${prefix}`;

export function createKeyValues(topics: Topics): KeyValues {
  const entries = new Map<string, Entry>();
  const tombs = createTombs(topics.last);
  const prefixWaits = createPrefixWaits();

  /** Prefixes are topics too, as long as somebody waits for them. */
  function changed(keys: readonly string[]): number {
    return topics.changed([...keys.map(topicOf), ...prefixWaits.above(keys).map(prefixTopicOf)]);
  }

  function store(key: string, write: Write, lock: Pick<Entry, 'session' | 'lockIndex'>): void {
    const known = entries.get(key);
    const isSame =
      known?.flags === write.flags && known.value.equals(write.value) && known.session === lock.session;
    if (isSame && known.lockIndex === lock.lockIndex) return; // wakes nobody, and a cas on it stays true
    const index = changed([key]);
    tombs.remove(key);
    const createIndex = known?.createIndex ?? index;
    entries.set(key, { key, ...write, ...lock, createIndex, modifyIndex: index });
  }

  /** A plain write keeps whoever holds the key. */
  function put(key: string, write: Write): void {
    const { session = '', lockIndex = 0 } = entries.get(key) ?? {};
    store(key, write, { session, lockIndex });
  }

  function remove(keys: readonly string[]): void {
    const known = keys.filter((key) => entries.delete(key));
    if (known.length === 0) return;
    tombs.add(known, changed(known));
  }

  function list(prefix: string): readonly Entry[] {
    return [...entries.values()]
      .filter(({ key }) => key.startsWith(prefix))
      .sort((one, other) => Buffer.compare(Buffer.from(one.key), Buffer.from(other.key)));
  }

  function prefixIndex(prefix: string): number {
    let index = tombs.newestBelow(prefix);
    for (const { key, modifyIndex } of entries.values())
      if (key.startsWith(prefix)) index = Math.max(index, modifyIndex);
    return index;
  }

  const keyIndex = (key: string) => entries.get(key)?.modifyIndex ?? tombs.indexOf(key);

  return {
    get: (key) => entries.get(key),
    list,
    index: (key, isPrefix) => (isPrefix ? prefixIndex(key) : keyIndex(key)),
    wait: async (key, isPrefix, seen, waitMs, signal) => {
      if ((isPrefix ? prefixIndex(key) : keyIndex(key)) > seen) return;
      // Nothing has changed until now, so the next change of the topic is the one that is waited for.
      const since = Math.max(seen, topics.last);
      if (!isPrefix) return topics.wait([topicOf(key)], since, waitMs, signal);
      const leave = prefixWaits.join(key);
      await topics.wait([prefixTopicOf(key)], since, waitMs, signal);
      leave();
    },
    put,
    compareAndSet: (key, write, index) => {
      if ((entries.get(key)?.modifyIndex ?? 0) !== index) return false;
      put(key, write);
      return true;
    },
    acquire: (key, write, session) => {
      const known = entries.get(key);
      if (known !== undefined && known.session !== '' && known.session !== session) return false;
      const taken = known?.session === session ? known.lockIndex : (known?.lockIndex ?? 0) + 1;
      store(key, write, { session, lockIndex: taken });
      return true;
    },
    release: (key, write, session) => {
      const known = entries.get(key);
      if (known?.session !== session) return false;
      store(key, write, { session: '', lockIndex: known.lockIndex });
      return true;
    },
    delete: (key) => remove([key]),
    compareAndDelete: (key, index) => {
      const known = entries.get(key);
      if (known !== undefined && known.modifyIndex !== index) return false;
      remove([key]);
      return true;
    },
    deletePrefix: (prefix) => remove(list(prefix).map(({ key }) => key)),
    heldBy: (session) => [...entries.values()].filter((one) => one.session === session).map(({ key }) => key),
  };
}

/** Prefixes that somebody waits for. */
function createPrefixWaits() {
  const waits = new Map<string, number>();
  return {
    above: (keys: readonly string[]) =>
      [...waits.keys()].filter((prefix) => keys.some((key) => key.startsWith(prefix))),
    join: (prefix: string): (() => void) => {
      waits.set(prefix, (waits.get(prefix) ?? 0) + 1);
      return () => {
        const left = (waits.get(prefix) ?? 1) - 1;
        if (left === 0) waits.delete(prefix);
        else waits.set(prefix, left);
      };
    },
  };
}
