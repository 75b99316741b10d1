import { useSyncExternalStore } from 'react';
import type { CartLine } from '../api/types.ts';
import { readLines } from './guest-cart.ts';

const KEY = 'fl-cart';
const listeners = new Set<() => void>();

let text: string | null | undefined;
let lines: readonly CartLine[] = [];

/** The same array while nothing has changed: React compares. */
export function guestLines(): readonly CartLine[] {
  const now = localStorage.getItem(KEY);
  if (now !== text) {
    text = now;
    lines = readLines(now);
  }
  return lines;
}

/** Throws `QuotaExceededError` when the browser keeps nothing. */
export function keepGuestLines(next: readonly CartLine[]): void {
  if (next.length === 0) localStorage.removeItem(KEY);
  else localStorage.setItem(KEY, JSON.stringify(next));
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  window.addEventListener('storage', listener); // another tab
  return () => {
    listeners.delete(listener);
    window.removeEventListener('storage', listener);
  };
}

export function useGuestLines(): readonly CartLine[] {
  return useSyncExternalStore(subscribe, guestLines);
}
