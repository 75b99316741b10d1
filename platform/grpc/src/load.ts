import { type AdaptiveLimitOptions, createAdaptiveLimit, createShedding } from '@flotilla/resilience';
import type { Metrics } from '@flotilla/telemetry';

/** The calls that the server is working on, and whether it takes more. */
export interface Load {
  /** May one more call be served? A refusal is counted. */
  admits(): boolean;
  /** The place of a call is free when its work has really ended. */
  run<T>(work: () => Promise<T>): Promise<T>;
}

const ADAPTIVE: AdaptiveLimitOptions = { initial: 256, min: 16, max: 1_000 };

/** The event loop is watched by the HTTP host of the same process. */
export function createLoad(options: AdaptiveLimitOptions | undefined, metrics: Metrics): Load {
  const limit = createAdaptiveLimit({ ...ADAPTIVE, ...options });
  const isTooMuch = createShedding({
    maxInFlight: () => limit.limit,
    maxLoopDelayMs: 1,
    loopDelayMs: () => 0,
  });
  let inFlight = 0;
  let shed = 0;
  exposeLoad(metrics, () => ({ inFlight, limit: limit.limit, shed }));

  return {
    admits: () => {
      const isAdmitted = !isTooMuch('normal', inFlight);
      if (!isAdmitted) shed += 1;
      return isAdmitted;
    },
    run: async (work) => {
      const startedAtMs = performance.now();
      inFlight += 1;
      try {
        return await work();
      } finally {
        const nowMs = performance.now();
        limit.record(nowMs - startedAtMs, inFlight, 'answered', nowMs);
        inFlight -= 1;
      }
    },
  };
}

interface LoadState {
  readonly inFlight: number;
  readonly limit: number;
  readonly shed: number;
}

function exposeLoad(metrics: Metrics, state: () => LoadState): void {
  const running = metrics.gauge(
    'resilience_grpc_server_running',
    'Calls in work, zombies included.',
    [],
    '{call}',
  );
  const limit = metrics.gauge(
    'resilience_grpc_server_limit',
    'Calls that are served at a time.',
    [],
    '{call}',
  );
  const shed = metrics.counter(
    'resilience_grpc_server_shed_total',
    'Calls refused for overload.',
    [],
    '{call}',
  );
  metrics.beforeRender(() => {
    const now = state();
    running.set(now.inFlight);
    limit.set(now.limit);
    shed.reach(now.shed);
  });
}
