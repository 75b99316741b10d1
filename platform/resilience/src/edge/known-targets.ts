import type { Logger } from '@flotilla/telemetry';
import { createInstances, type Instance } from '../failures/instances.ts';
import type { Timers } from '../time/timers.ts';

/** An instance that was called recently. */
export interface Target {
  readonly id: string;
  readonly instance: Instance;
  calledAtMs: number;
}

/** The instances of one service, for as long as they are called. */
export interface KnownTargets {
  all(): readonly Target[];
  /** Called now. */
  of(id: string): Target;
  /** Those that are left out, together with those to avoid. */
  without(avoid: ReadonlySet<string>): ReadonlySet<string>;
  /** It gets no calls for this long. */
  eject(target: Target, why: string, forMs: number): void;
}

/** An instance that has not been called for this long is forgotten, so that ids of removed ones do not pile up. */
const FORGOTTEN_MS = 60_000;
export const NOBODY: ReadonlySet<string> = new Set();

export function createKnownTargets(name: string, timers: Timers, logger: Logger): KnownTargets {
  const instances = createInstances(timers);
  const known = new Map<string, Target>();
  let leftOut = { epoch: 0, ids: NOBODY };

  function forgetOld(): void {
    for (const [id, { instance, calledAtMs }] of known) {
      if (timers.nowMs - calledAtMs > FORGOTTEN_MS && instance.inFlight === 0) known.delete(id);
    }
    instances.retain(new Set(known.keys()));
  }

  return {
    all: () => [...known.values()],
    of: (id) => {
      let found = known.get(id);
      if (found === undefined) {
        forgetOld();
        found = { id, instance: instances.of(id), calledAtMs: 0 };
        known.set(id, found);
      }
      found.calledAtMs = timers.nowMs;
      return found;
    },
    without: (avoid) => {
      if (leftOut.epoch !== instances.epoch) {
        const ids = [...known.values()].filter(({ instance }) => instance.isEjected).map(({ id }) => id);
        leftOut = { epoch: instances.epoch, ids: new Set(ids) };
      }
      if (leftOut.ids.size === 0) return avoid;
      return avoid.size === 0 ? leftOut.ids : new Set([...leftOut.ids, ...avoid]);
    },
    eject: ({ id, instance }, why, forMs) => {
      if (instance.isEjected) return;
      logger.warn({ edge: name, instance: id, why }, 'an instance gets no calls for a while');
      instances.eject(instance, forMs);
    },
  };
}
