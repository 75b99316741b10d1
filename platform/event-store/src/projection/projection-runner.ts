import { type Clock, type Loop, startLoop, systemClock, toError, uuidv7 } from '@flotilla/kernel';
import type { Database } from '@flotilla/postgres';
import type { Logger, Metrics } from '@flotilla/telemetry';
import { readHorizon } from '../feed/horizon.ts';
import type { FeedingDeps } from './feeding.ts';
import { releaseWork } from './generation-store.ts';
import { indexProjections, type Projection } from './projection.ts';
import { createProjectionMetrics } from './projection-metrics.ts';
import { createRound, type RoundOutcome } from './projection-round.ts';
import { listProjections } from './projection-status.ts';

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

/** After a round. At the horizon it is mostly transactions that end within milliseconds. */
const PAUSES_MS: Readonly<Partial<Record<RoundOutcome, number>>> = { again: 0, 'at-horizon': 10 };

export function createProjectionRunner(options: ProjectionRunnerOptions): ProjectionRunner {
  const { db, logger, clock = systemClock, random = Math.random, pollIntervalMs = 500 } = options;
  const projections = indexProjections(options.projections);
  const deps: FeedingDeps = {
    ...{ db, logger, random },
    runner: uuidv7(),
    batchSize: options.batchSize ?? 200,
    retryDelaysMs: options.retryDelaysMs ?? [100, 1_000, 5_000, 30_000],
    maxCrashes: options.maxCrashes ?? 3,
    unknownEventWaitMs: options.unknownEventWaitMs ?? 600_000,
    handlerTimeoutMs: options.handlerTimeoutMs ?? 20_000,
  };
  const gauges = createProjectionMetrics(options.metrics);
  const round = createRound({ ...deps, projections });
  let loops: readonly Loop[] = [];

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
        ...projections.names.map((name) =>
          start(`projection ${name}`, async () => PAUSES_MS[await round(name)] ?? pollIntervalMs),
        ),
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
