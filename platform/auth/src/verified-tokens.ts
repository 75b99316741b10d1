import { hash } from 'node:crypto';
import { BoundedMap } from '@flotilla/kernel';

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
  const entries = new BoundedMap<string, { readonly meaning: T; readonly untilMs: number }>(maxEntries);
  return {
    find: (key, nowMs) => {
      const entry = entries.renew(key);
      if (entry === undefined || entry.untilMs > nowMs) return entry?.meaning;
      entries.delete(key);
      return undefined;
    },
    remember: (key, meaning, untilMs) => {
      entries.set(key, { meaning, untilMs });
    },
  };
}
