import type { Alarm, Alarms } from './alarms.ts';
import type { Catalog } from './catalog.ts';
import type { KeyValues } from './kv.ts';
import type { Topics } from './topics.ts';

export interface SessionOptions {
  readonly name: string;
  readonly node: string;
  readonly ttlMs: number;
  readonly lockDelayMs: number;
  readonly behavior: 'release' | 'delete';
  readonly nodeChecks: readonly string[];
  readonly serviceChecks: readonly { readonly ID: string; readonly Namespace: string }[];
}

export interface Session extends SessionOptions {
  readonly id: string;
  readonly createIndex: number;
  readonly modifyIndex: number;
}

/** Who may hold keys: a session ends with its time, its node, or when one of its checks becomes critical. */
export interface Sessions {
  /** A text says why it cannot be. */
  create(id: string, options: SessionOptions): Session | string;
  get(id: string): Session | undefined;
  list(): readonly Session[];
  /** Its time starts anew; `undefined` when there is none. */
  renew(id: string): Session | undefined;
  destroy(id: string): void;
  /** How long a key may not be taken after its session has ended: its holder may not have noticed. */
  lockDelayMs(key: string): number;
  /** Ends those whose checks are critical or gone. */
  checkHealth(): void;
}

export interface SessionDeps {
  readonly topics: Topics;
  readonly alarms: Alarms;
  readonly kv: KeyValues;
  readonly catalog: Catalog;
  readonly nowMs: () => number;
}

/** Twice its time, as Consul does: a renewal may have been on its way. */
const GRACE_FACTOR = 2;

export const SESSIONS = 'sessions';

export function createSessions({ topics, alarms, kv, catalog, nowMs }: SessionDeps): Sessions {
  const sessions = new Map<string, { readonly session: Session; alarm: Alarm | undefined }>();
  const delayedUntilMs = new Map<string, number>();

  function destroy(id: string): void {
    const known = sessions.get(id);
    if (known === undefined) return;
    known.alarm?.cancel();
    sessions.delete(id);
    const { lockDelayMs, behavior } = known.session;
    for (const key of kv.heldBy(id)) {
      if (lockDelayMs > 0) {
        delayedUntilMs.set(key, nowMs() + lockDelayMs);
        alarms.after(lockDelayMs, () => forgetDelay(key));
      }
      const { value = Buffer.alloc(0), flags = 0n } = kv.get(key) ?? {};
      if (behavior === 'delete') kv.delete(key);
      else kv.release(key, { value, flags }, id);
    }
    topics.changed([SESSIONS]);
  }

  function forgetDelay(key: string): void {
    if ((delayedUntilMs.get(key) ?? 0) <= nowMs()) delayedUntilMs.delete(key);
  }

  const expireAfter = (id: string, ttlMs: number) =>
    ttlMs > 0 ? alarms.after(ttlMs * GRACE_FACTOR, () => destroy(id)) : undefined;

  function problem({ node, nodeChecks, serviceChecks }: SessionOptions): string | undefined {
    if (catalog.node(node) === undefined) return `Missing node ${JSON.stringify(node)} registration`;
    const checked = [
      ...nodeChecks.map((id) => [id, [catalog.check(node, '', id) ?? []].flat()] as const),
      ...serviceChecks.map(
        ({ ID }) => [ID, catalog.checksOn(node).filter(({ facts }) => facts.id === ID)] as const,
      ),
    ];
    for (const [id, checks] of checked) {
      if (checks.length === 0) return `Missing check ${JSON.stringify(id)} registration`;
      if (checks.some(({ status }) => status === 'critical'))
        return `Check ${JSON.stringify(id)} is in critical state`;
    }
    return undefined;
  }

  return {
    create: (id, options) => {
      const wrong = problem(options);
      if (wrong !== undefined) return wrong;
      const index = topics.changed([SESSIONS]);
      const session = { ...options, id, createIndex: index, modifyIndex: index };
      sessions.set(id, { session, alarm: expireAfter(id, options.ttlMs) });
      return session;
    },
    get: (id) => sessions.get(id)?.session,
    list: () => [...sessions.values()].map(({ session }) => session),
    renew: (id) => {
      const known = sessions.get(id);
      if (known === undefined) return undefined;
      known.alarm?.cancel();
      known.alarm = expireAfter(id, known.session.ttlMs);
      return known.session;
    },
    destroy,
    lockDelayMs: (key) => Math.max(0, (delayedUntilMs.get(key) ?? 0) - nowMs()),
    checkHealth: () => {
      for (const { session } of sessions.values()) if (problem(session) !== undefined) destroy(session.id);
    },
  };
}
