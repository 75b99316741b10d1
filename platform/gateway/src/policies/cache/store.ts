import type { FieldName } from '../../wire/rules/fields.ts';

/** A complete response that may be given again. Never changed. */
export interface StoredResponse {
  readonly status: number;
  readonly reason: string;
  readonly names: readonly FieldName[];
  readonly values: readonly string[];
  readonly body: Buffer;
  /** As the back end announced it; for HEAD it is not the length of `body`. */
  readonly bodyBytes: number | undefined;
  /** Where it came from, as the forwarding code named it. */
  readonly source: string;
  readonly storedAtMs: number;
  /** Age it had when it came. */
  readonly ageMs: number;
  readonly freshUntilMs: number;
  readonly refreshUntilMs: number;
  readonly ifErrorUntilMs: number;
}

/** What an entry can be purged by. */
export interface Labels {
  readonly path: string;
  readonly region: string | undefined;
  readonly tags: readonly string[];
}

export type Purge =
  | { readonly tag: string }
  | { readonly region: string }
  /** Of the client's path, as received: `/products/`. */
  | { readonly prefix: string }
  | { readonly all: true };

export interface CacheLimits {
  readonly maxEntries: number;
  readonly maxBytes: number;
  /** Larger answers are passed on without being stored. */
  readonly maxResponseBytes: number;
}

/** Answers, and by which request fields they vary, in bounded memory: the least recently used go first. */
export interface ResponseStore {
  readonly entries: number;
  readonly bytes: number;
  find(key: string, nowMs: number): StoredResponse | undefined;
  put(key: string, answer: StoredResponse, labels: Labels): void;
  varyOf(primary: string): readonly string[] | undefined;
  putVary(primary: string, vary: readonly string[], labels: Labels): void;
  /** How many entries went. */
  purge(what: Purge): number;
}

interface Entry {
  readonly content: StoredResponse | readonly string[];
  readonly labels: Labels;
  readonly bytes: number;
}

const ENTRY_OVERHEAD_BYTES = 512;

export function createResponseStore({ maxEntries, maxBytes }: CacheLimits): ResponseStore {
  const entries = new Map<string, Entry>();
  const byTag = new Map<string, Set<string>>();
  let bytes = 0;

  function remove(key: string): void {
    const entry = entries.get(key);
    if (entry === undefined) return;
    entries.delete(key);
    bytes -= entry.bytes;
    for (const tag of entry.labels.tags) {
      const keys = byTag.get(tag);
      keys?.delete(key);
      if (keys?.size === 0) byTag.delete(tag);
    }
  }

  function put(key: string, entry: Entry): void {
    remove(key);
    entries.set(key, entry);
    bytes += entry.bytes;
    for (const tag of entry.labels.tags) {
      const keys = byTag.get(tag) ?? new Set();
      byTag.set(tag, keys.add(key));
    }
    for (const oldest of entries.keys()) {
      if (entries.size <= maxEntries && bytes <= maxBytes) break;
      remove(oldest);
    }
  }

  /** Last in the map's order = most recently used. */
  function touch(key: string, entry: Entry): void {
    entries.delete(key);
    entries.set(key, entry);
  }

  return {
    get entries() {
      return entries.size;
    },
    get bytes() {
      return bytes;
    },
    find: (key, nowMs) => {
      const entry = entries.get(key);
      if (entry === undefined || isVary(entry.content)) return undefined;
      const { freshUntilMs, refreshUntilMs, ifErrorUntilMs } = entry.content;
      if (Math.max(freshUntilMs, refreshUntilMs, ifErrorUntilMs) <= nowMs) {
        remove(key);
        return undefined;
      }
      touch(key, entry);
      return entry.content;
    },
    put: (key, answer, labels) => {
      const size = answer.body.length + key.length + textLength(answer) + ENTRY_OVERHEAD_BYTES;
      put(key, { content: answer, labels, bytes: size });
    },
    varyOf: (primary) => {
      const entry = entries.get(varyKey(primary));
      if (entry === undefined || !isVary(entry.content)) return undefined;
      touch(varyKey(primary), entry);
      return entry.content;
    },
    putVary: (primary, vary, labels) => {
      const key = varyKey(primary);
      put(key, { content: vary, labels, bytes: key.length + vary.join().length + ENTRY_OVERHEAD_BYTES });
    },
    purge: (what) => {
      const purged = 'tag' in what ? [...(byTag.get(what.tag) ?? [])] : matching(entries, what);
      for (const key of purged) remove(key);
      return purged.length;
    },
  };
}

function isVary(content: Entry['content']): content is readonly string[] {
  return Array.isArray(content);
}

/** Apart from the response of a request that has none of the fields. */
function varyKey(primary: string): string {
  return `vary\n${primary}`;
}

function textLength({ names, values }: StoredResponse): number {
  let length = 0;
  for (const value of values) length += value.length;
  return length + names.length * 32;
}

function matching(entries: ReadonlyMap<string, Entry>, what: Purge): readonly string[] {
  return [...entries].filter(([, { labels }]) => isPurged(labels, what)).map(([key]) => key);
}

export function isPurged(labels: Labels, what: Purge): boolean {
  if ('tag' in what) return labels.tags.includes(what.tag);
  if ('region' in what) return labels.region === what.region;
  return 'all' in what || labels.path.startsWith(what.prefix);
}
