import { type Clock, createLock, type Loop, startLoop, systemClock, toError, uuidv7 } from '@flotilla/kernel';
import type { Database, Queryable } from '@flotilla/postgres';
import type { Logger, Metrics } from '@flotilla/telemetry';
import { eventStoreError } from '../errors.ts';
import { readHorizon } from '../feed/horizon.ts';
import { feedGeneration, isFed } from './feed-generation.ts';
import type { FeedingDeps, FeedOutcome } from './feeding.ts';
import { type Generation, releaseWork, surveyProjection } from './generation-store.ts';
import { indexProjections, type Projection } from './projection.ts';
import { carryOutCommand } from './projection-commands.ts';
import { createProjectionMetrics } from './projection-metrics.ts';
import { listProjections } from './projection-status.ts';
import { dropGeneration, isNearlyBuilt, switchGeneration } from './switch-generation.ts';

export interface ProjectionRunnerOptions {
  readonly db: Database;
  /** All projections of the service, inline ones too: it rebuilds them. Several versions of one name are welcome. */
  readonly projections: readonly Projection[];
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly clock?: Clock;
  readonly random?: () => number;
  /** Default 500 ms. */
  readonly pollIntervalMs?: number;
  /** Events in one transaction. Default 200. */
  readonly batchSize?: number;
  /** Pause before each further attempt at an event that fails. Default 100, 1,000, 5,000, 30,000 ms: 5 attempts. */
  readonly retryDelaysMs?: readonly number[];
  /** Processes that may end over one event before the projection halts there. Default 3. */
  readonly maxCrashes?: number;
  /**
   * How long an event whose type or version this code does not know waits for a runner that does, as in a rolling
   * deployment; then the projection halts there. Default 600,000 ms.
   */
  readonly unknownEventWaitMs?: number;
  /** For a batch; one that takes longer has failed. Default 20,000 ms. */
  readonly handlerTimeoutMs?: number;
  /** When it is logged who holds feeds back. Default 5,000 ms. */
  readonly horizonWarnMs?: number;
  /** Default 5,000 ms. */
  readonly observeIntervalMs?: number;
}

/**
 * Keeps read models up to date, builds new generations and carries out what operators ask for. Any number of
 * processes may run one: the row of a generation is locked while a batch is written, so each event is handled once.
 */
export interface ProjectionRunner {
  start(): void;
  /** Something may have been appended. A hint: without it the poll finds it. */
  nudge(): void;
  /** Resolves once the running batches have ended. */
  close(): Promise<void>;
}

/** While committed events wait at the horizon: mostly for transactions that end within milliseconds. */
const HORIZON_PAUSE_MS = 10;

export function createProjectionRunner(options: ProjectionRunnerOptions): ProjectionRunner {
  const { db, logger, clock = systemClock, random = Math.random, pollIntervalMs = 500 } = options;
  const projections = indexProjections(options.projections);
  const deps: FeedingDeps = {
    ...{ db, clock, logger, random },
    runner: uuidv7(),
    batchSize: options.batchSize ?? 200,
    retryDelaysMs: options.retryDelaysMs ?? [100, 1_000, 5_000, 30_000],
    maxCrashes: options.maxCrashes ?? 3,
    unknownEventWaitMs: options.unknownEventWaitMs ?? 600_000,
    handlerTimeoutMs: options.handlerTimeoutMs ?? 20_000,
  };
  const gauges = createProjectionMetrics(options.metrics);
  const lock = createLock();
  let loops: readonly Loop[] = [];
  /** Until when, by `performance.now()`, generations are left to runners with newer code. */
  const leftUntilMs = new Map<string, number>();

  /** The definition that writes a generation; older code leaves newer generations to newer code. */
  function definitionOf({ name, version }: Generation): Projection | undefined {
    return projections.find(name, version);
  }

  async function advance(generation: Generation): Promise<FeedOutcome['kind']> {
    if (generation.state === 'dropping') {
      await dropGeneration(db, definitionOf(generation) ?? projections.newest(generation.name), generation);
      return 'more';
    }
    const projection = definitionOf(generation);
    if (projection === undefined) return 'busy';
    if (!isFed(projection, generation) || !generation.is_due) return 'busy';
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

  async function round(name: string): Promise<number> {
    const { generations, isAsked } = await surveyProjection(db, name);
    if (generations.length === 0) throw missing(name);
    if (isAsked && (await carryOutCommand(db, projections, name, logger))) {
      for (const generation of generations) leftUntilMs.delete(keyOf(generation));
      return 0;
    }
    const kinds = [];
    for (const generation of generations) kinds.push(await advance(generation));
    if (kinds.includes('more')) return 0;
    const waits = kinds.includes('caught-up') && (await isAnythingAtHorizon(db));
    return waits ? HORIZON_PAUSE_MS : pollIntervalMs;
  }

  async function observe(): Promise<number> {
    const horizon = await readHorizon(db);
    gauges.observe(await listProjections(db), horizon);
    if (horizon.lagSeconds * 1_000 >= (options.horizonWarnMs ?? 5_000))
      logger.warn(
        { lagSeconds: horizon.lagSeconds, ...horizon.holder },
        'projections wait for a transaction that has been open for long',
      );
    return options.observeIntervalMs ?? 5_000;
  }

  /** `once` resolves with the pause before it is done again, 0 for none. */
  function start(loop: string, once: () => Promise<number>): Loop {
    let pauseMs = 0;
    const run = async () => {
      pauseMs = await once();
      return pauseMs === 0;
    };
    return startLoop({ name: loop, run, intervalMs: () => pauseMs, clock, logger, random });
  }

  return {
    start: () => {
      if (loops.length > 0) return;
      loops = [
        ...projections.names.map((name) => start(`projection ${name}`, () => round(name))),
        start('projection metrics', observe),
      ];
    },
    nudge: () => {
      for (const loop of loops.slice(0, -1)) loop.wake();
    },
    close: async () => {
      await Promise.all(loops.map((loop) => loop.stop()));
      await releaseWork(db, deps.runner).catch((error: unknown) =>
        logger.warn({ err: toError(error) }, 'projections could not be left in peace'),
      );
    },
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
