import { hash } from 'node:crypto';
import type { Principal } from './principal.ts';

/** Tokens that were verified before, the least recently used dropped first. */
export interface VerifiedTokens {
  find(key: string, nowMs: number): Principal | undefined;
  remember(key: string, principal: Principal, untilMs: number): void;
}

/** The cache is keyed by a hash, so that a heap dump of its index holds no usable tokens. */
export function tokenKey(token: string): string {
  return hash('sha256', token, 'base64');
}

export function createVerifiedTokens(maxEntries: number): VerifiedTokens {
  const entries = new Map<string, { readonly principal: Principal; readonly untilMs: number }>();
  return {
    find: (key, nowMs) => {
      const entry = entries.get(key);
      if (entry === undefined) return undefined;
      entries.delete(key);
      if (entry.untilMs <= nowMs) return undefined;
      entries.set(key, entry); // last in the map's order = most recently used
      return entry.principal;
    },
    remember: (key, principal, untilMs) => {
      entries.set(key, { principal, untilMs });
      if (entries.size <= maxEntries) return;
      const oldest = entries.keys().next();
      if (!oldest.done) entries.delete(oldest.value);
    },
  };
}
