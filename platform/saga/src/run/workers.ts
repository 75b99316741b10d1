import { createFairPlaces, type FairPlaces, toError } from '@flotilla/kernel';
import { runInContext } from '@flotilla/telemetry';
import type { Instance } from '../store/instance.ts';
import { releaseLeases } from '../store/leases.ts';
import { type DriveDeps, drive } from './drive.ts';
import type { Lease, Leases } from './leases.ts';

/** Works on leased instances, at most `concurrency` at once. */
export interface Workers {
  /** Who has how many places. */
  readonly places: Pick<FairPlaces, 'free' | 'room' | 'rooms'>;
  /** Works on it as soon as a place is free, or gives it back when its key has its share. */
  accept(instance: Instance, lease: Lease): void;
  /** Resolves when nothing is worked on any longer. */
  idle(): Promise<void>;
}

export interface WorkersDeps extends DriveDeps {
  readonly leases: Leases;
  readonly concurrency: number;
  /** A place became free. */
  readonly onFree: () => void;
  /** An instance is due again after this time. */
  readonly onWait: (waitMs: number) => void;
}

export function createWorkers(deps: WorkersDeps): Workers {
  const queue: { readonly instance: Instance; readonly lease: Lease }[] = [];
  const running = new Set<Promise<void>>();
  const returning = new Set<Promise<void>>();
  const places = createFairPlaces(deps.concurrency);

  async function work(instance: Instance, lease: Lease): Promise<void> {
    try {
      const { id, trace } = instance;
      // Not the context of the request that happened to start it: that one has a deadline of its own.
      const context = { trace, correlationId: id };
      const end = await runInContext(context, () => drive(deps, instance, lease));
      if (end.kind === 'waits') deps.onWait(end.waitMs);
      if (end.kind === 'given-up') await releaseLeases(deps.db, [lease], end.called);
    } catch (error) {
      // The lease runs out by itself: a pause before somebody tries again.
      deps.logger.error({ err: toError(error), saga: instance.id }, 'saga could not be worked on');
    } finally {
      deps.leases.drop(lease);
    }
  }

  function start(instance: Instance, lease: Lease): void {
    const task = work(instance, lease).finally(() => {
      running.delete(task);
      places.leave(instance.fairKey);
      const next = queue.shift();
      if (next) start(next.instance, next.lease);
      else deps.onFree();
    });
    running.add(task);
  }

  function putBack(lease: Lease): void {
    const done = releaseLeases(deps.db, [lease], 'not-called')
      .then(() => deps.onWait(0))
      .catch((error: unknown) => {
        // The lease runs out by itself.
        deps.logger.warn({ err: toError(error), saga: lease.id }, 'saga could not be given back');
      })
      .finally(() => {
        deps.leases.drop(lease);
        returning.delete(done);
      });
    returning.add(done);
  }

  return {
    places,
    accept: (instance, lease) => {
      // Sagas that begin at the same moment do not see each other.
      if (!places.isFair(instance.fairKey)) return putBack(lease);
      places.take(instance.fairKey);
      if (running.size < deps.concurrency) start(instance, lease);
      else queue.push({ instance, lease });
    },
    idle: async () => {
      while (running.size + returning.size > 0) await Promise.all([...running, ...returning]);
    },
  };
}
