import { hash } from 'node:crypto';

/** What tokens that were verified before stand for, the least recently used dropped first. */
export interface VerifiedTokens<T> {
  find(key: string, nowMs: number): T | undefined;
  remember(key: string, meaning: T, untilMs: number): void;
}

/** The cache is keyed by a hash, so that a heap dump of its index holds no usable tokens. */
export function tokenKey(token: string): string {
  return hash('sha256', token, 'base64');
}

export function createVerifiedTokens<T>(maxEntries: number): VerifiedTokens<T> {
  const entries = new Map<string, { readonly meaning: T; readonly untilMs: number }>();
  return {
    find: (key, nowMs) => {
      const entry = entries.get(key);
      if (entry === undefined) return undefined;
      entries.delete(key);
      if (entry.untilMs <= nowMs) return undefined;
      entries.set(key, entry); // last in the map's order = most recently used
      return entry.meaning;
    },
    remember: (key, meaning, untilMs) => {
      entries.set(key, { meaning, untilMs });
      if (entries.size <= maxEntries) return;
      const oldest = entries.keys().next();
      if (!oldest.done) entries.delete(oldest.value);
    },
  };
}
