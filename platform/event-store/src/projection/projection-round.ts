import { createLock } from '@flotilla/kernel';
import type { Queryable } from '@flotilla/postgres';
import { eventStoreError } from '../errors.ts';
import { feedGeneration, isFed } from './feed-generation.ts';
import type { FeedingDeps, FeedOutcome } from './feeding.ts';
import { type Generation, surveyProjection } from './generation-store.ts';
import type { Projection, Projections } from './projection.ts';
import { carryOutCommand } from './projection-commands.ts';
import { dropGeneration, isNearlyBuilt, switchGeneration } from './switch-generation.ts';

export interface RoundDeps extends FeedingDeps {
  readonly projections: Projections;
}

/**
 * `again`: there is more to do at once; `at-horizon`: all is done, but committed events wait for open transactions;
 * `waiting`: there is something to do, later or by others; `idle`: there is nothing to do.
 */
export type RoundOutcome = 'again' | 'at-horizon' | 'waiting' | 'idle';

/** One look at a projection: carries out a command, or moves each of its generations on by a batch. */
export function createRound(deps: RoundDeps): (name: string) => Promise<RoundOutcome> {
  const { db, logger, projections } = deps;
  const lock = createLock();
  /** Until when, by `performance.now()`, generations are left to runners with newer code. */
  const leftUntilMs = new Map<string, number>();

  /** The definition that writes a generation; older code leaves newer generations to newer code. */
  function definitionOf({ name, version }: Generation): Projection | undefined {
    return projections.find(name, version);
  }

  async function advance(generation: Generation): Promise<FeedOutcome['kind'] | 'not-fed'> {
    if (generation.state === 'dropping') {
      await dropGeneration(db, definitionOf(generation) ?? projections.newest(generation.name), generation);
      return 'more';
    }
    const projection = definitionOf(generation);
    if (projection === undefined) return 'busy';
    if (!isFed(projection, generation)) return 'not-fed';
    if (!generation.is_due) return 'busy';
    if (performance.now() < (leftUntilMs.get(keyOf(generation)) ?? 0)) return 'busy';
    const work = () => feedAndSwitch(projection, generation);
    // Else it could be another projection's event that ends the process.
    if (generation.alone > 0) return await lock.exclusive(work);
    const leave = await lock.shared();
    return await work().finally(leave);
  }

  async function feedAndSwitch(projection: Projection, generation: Generation): Promise<FeedOutcome['kind']> {
    const outcome = await feedGeneration(deps, projection, generation);
    const { kind } = outcome;
    if (kind === 'left') leftUntilMs.set(keyOf(generation), performance.now() + outcome.forMs);
    if (generation.state !== 'building' || (kind !== 'more' && kind !== 'caught-up')) return kind;
    const state = await tryToSwitch(projection, generation);
    return state === 'far' ? kind : state === 'switched' ? 'more' : 'busy';
  }

  /** A build need not catch up by itself, which it might never do under load: the switch does the rest. */
  async function tryToSwitch(projection: Projection, building: Generation) {
    if (!(await isNearlyBuilt(db, projection, building))) return 'far';
    return (await switchGeneration(deps, projection, building)) ? 'switched' : 'held-up';
  }

  return async (name) => {
    const { generations, isAsked } = await surveyProjection(db, name);
    if (generations.length === 0) throw missing(name);
    if (isAsked && (await carryOutCommand(db, projections, name, logger))) {
      for (const generation of generations) leftUntilMs.delete(keyOf(generation));
      return 'again';
    }
    const kinds = [];
    for (const generation of generations) kinds.push(await advance(generation));
    if (kinds.includes('more')) return 'again';
    const waits = kinds.includes('caught-up') && (await isAnythingAtHorizon(db));
    if (waits) return 'at-horizon';
    const isIdle = kinds.every((kind) => kind === 'caught-up' || kind === 'not-fed');
    return isIdle && generations.every(({ state }) => state === 'active') ? 'idle' : 'waiting';
  };
}

function keyOf({ name, generation }: Generation): string {
  return `${name} ${generation}`;
}

function missing(name: string): Error {
  return eventStoreError(
    'EVENT_STORE_UNKNOWN_PROJECTION',
    `projection ${name} is defined here but was never created: its migration calls create_projection`,
  );
}

async function isAnythingAtHorizon(db: Queryable): Promise<boolean> {
  const [row] = await db.query<{ waits: boolean }>(
    'SELECT EXISTS (SELECT FROM event WHERE xid >= pg_snapshot_xmin(pg_current_snapshot())) AS waits',
  );
  return row?.waits === true;
}
