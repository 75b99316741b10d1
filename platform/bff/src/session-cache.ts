import { BoundedMap } from '@flotilla/kernel';
import { keyOf, type Session } from './session.ts';

/** Sessions that were read or changed a moment ago. */
export interface SessionCache {
  /** `undefined` = nothing is known that is young enough. */
  find(idHash: Buffer, nowMs: number): Session | undefined;
  remember(session: Session, nowMs: number): Session;
  /** It has ended. What was read of it before, and is remembered only now, counts for nothing. */
  end(idHash: Buffer): void;
}

/** How old what is known of a session may be: the longest that one which ended elsewhere is still served here. */
const MAX_AGE_MS = 1_000;
const MAX_HELD = 10_000;

export function createSessionCache(): SessionCache {
  const held = new BoundedMap<string, { readonly session: Session; readonly atMs: number }>(MAX_HELD);
  const ended = new BoundedMap<string, true>(MAX_HELD);
  return {
    find: (idHash, nowMs) => {
      const known = held.get(keyOf(idHash));
      return known !== undefined && nowMs - known.atMs < MAX_AGE_MS ? known.session : undefined;
    },
    remember: (session, nowMs) => {
      const key = keyOf(session.idHash);
      if (ended.has(key)) held.delete(key);
      else held.set(key, { session, atMs: nowMs });
      return session;
    },
    end: (idHash) => {
      const key = keyOf(idHash);
      held.delete(key);
      ended.set(key, true);
    },
  };
}
