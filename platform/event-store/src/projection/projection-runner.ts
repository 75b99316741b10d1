import { type Clock, type Loop, type Rest, startLoop, systemClock, toError, uuidv7 } from '@flotilla/kernel';
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
  /** Default 500 ms; up to four times as long while there is nothing to do. */
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

/** After a round: at the horizon it is mostly transactions that end within milliseconds. */
const HORIZON_PAUSE_MS = 10;
/** How much longer the pause becomes at most while there is nothing to do: operators wait for what they ask for. */
const REST_POLLS = 4;

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

  async function observe(): Promise<boolean> {
    const horizon = await readHorizon(db);
    gauges.observe(await listProjections(db), horizon);
    if (horizon.lagSeconds * 1_000 >= (options.horizonWarnMs ?? 5_000))
      logger.warn(
        { lagSeconds: horizon.lagSeconds, ...horizon.holder },
        'projections wait for a transaction that has been open for long',
      );
    return false;
  }

  function startFeeding(name: string): Loop {
    let outcome: RoundOutcome = 'waiting';
    const run = async (): Promise<boolean | Rest> => {
      outcome = await round(name);
      return outcome === 'idle' ? {} : outcome === 'again';
    };
    return startLoop({
      ...{ name: `projection ${name}`, run, clock, logger, random },
      intervalMs: () => (outcome === 'at-horizon' ? HORIZON_PAUSE_MS : pollIntervalMs),
      restIntervalMs: REST_POLLS * pollIntervalMs,
    });
  }

  return {
    start: () => {
      if (loops.length > 0) return;
      const intervalMs = options.observeIntervalMs ?? 5_000;
      loops = [
        ...projections.names.map(startFeeding),
        startLoop({ name: 'projection metrics', run: observe, intervalMs, clock, logger, random }),
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
