import type { Principal } from './principal.ts';

/** What ended tokens before their time. Times are those of the issuer. */
export type Revocation =
  /** Every token of this session is refused. */
  | { readonly kind: 'session-ended'; readonly sessionId: string; readonly at: Date }
  /** Every token of this account that was issued before is refused: another role, another password, no account any more. */
  | { readonly kind: 'account-changed'; readonly subject: string; readonly at: Date };

export interface RevocationsOptions {
  /** No token lives longer, so nothing has to be known for longer. Default 300. */
  readonly tokenLifetimeSeconds?: number;
  /** As of the verifier: a token serves for so much longer. Default 60. */
  readonly clockToleranceSeconds?: number;
  /** Kept at most, of each kind. Above it the oldest are forgotten, and end with their tokens. Default 100,000. */
  readonly maxEntries?: number;
  /** Told of each one that was forgotten too early. */
  readonly onForgotten?: () => void;
}

/** Sessions that have ended and accounts that have changed, for as long as tokens from before may be in use. */
export interface Revocations {
  add(revocation: Revocation, nowMs: number): void;
  /** Costs two look-ups. */
  revokes(principal: Pick<Principal, 'subject' | 'sessionId' | 'issuedAtSeconds'>): boolean;
  readonly size: number;
}

/** Memory is bounded by `maxEntries`, and nothing runs by itself: what is over is dropped when something is added. */
export function createRevocations(options: RevocationsOptions = {}): Revocations {
  const { tokenLifetimeSeconds = 300, clockToleranceSeconds = 60, maxEntries = 100_000 } = options;
  const keptMs = (tokenLifetimeSeconds + clockToleranceSeconds) * 1_000;
  const sessions = new Map<string, Entry>();
  const accounts = new Map<string, Entry>();

  /** What was added last stands last, so what is over stands first. */
  function keep(entries: Map<string, Entry>, key: string, atMs: number, nowMs: number): void {
    const latestMs = Math.max(atMs, entries.get(key)?.atMs ?? 0);
    entries.delete(key);
    entries.set(key, { atMs: latestMs, addedAtMs: nowMs });
    for (const [oldest, { addedAtMs }] of entries) {
      const isOver = addedAtMs + keptMs < nowMs;
      if (!isOver && entries.size <= maxEntries) return;
      entries.delete(oldest);
      if (!isOver) options.onForgotten?.();
    }
  }

  return {
    add: (revocation, nowMs) => {
      const atMs = revocation.at.getTime();
      if (revocation.kind === 'session-ended') keep(sessions, revocation.sessionId, atMs, nowMs);
      else keep(accounts, revocation.subject, atMs, nowMs);
    },
    revokes: ({ subject, sessionId, issuedAtSeconds = 0 }) => {
      if (sessionId !== undefined && sessions.has(sessionId)) return true;
      const changed = accounts.get(subject);
      // `iat` is cut to the second: one of the same second may be from before, and is refused too.
      return changed !== undefined && issuedAtSeconds * 1_000 <= changed.atMs;
    },
    get size() {
      return sessions.size + accounts.size;
    },
  };
}

interface Entry {
  readonly atMs: number;
  readonly addedAtMs: number;
}
