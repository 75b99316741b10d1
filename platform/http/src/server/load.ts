import type { ServerResponse } from 'node:http';
import {
  type AdaptiveLimitOptions,
  createAdaptiveLimit,
  createShedding,
  measureLoopDelay,
  type Priority,
} from '@flotilla/resilience';
import type { Metrics } from '@flotilla/telemetry';

export interface LoadOptions {
  /** Requests at a time, found out by their latency between `min` and `max`. Default: 16 to 1,000, from 256 on. */
  readonly adaptive?: AdaptiveLimitOptions;
  /** Lateness of the event loop from which on less is accepted. Default 200. */
  readonly maxLoopDelayMs?: number;
}

/** What the host has to do, and whether there is room for more. */
export interface Load {
  /** May one more be served? A refusal is counted. */
  admits(priority: Priority): boolean;
  /**
   * One that was admitted. Its place is free when its response has gone and its work has really ended. One that `waits` for
   * something counts only while the event loop is late.
   */
  enter(response: ServerResponse, waits: boolean): Place | undefined;
  state(): LoadState;
  close(): void;
}

export interface Place {
  /** Runs the work of the request. */
  run<T>(work: () => Promise<T>): Promise<T>;
}

export interface LoadState {
  readonly inFlight: number;
  /** Work that goes on although its response has gone. */
  readonly zombies: number;
  readonly limit: number;
  readonly loopDelayMs: number;
  readonly shed: Readonly<Record<Priority, number>>;
}

const ADAPTIVE: AdaptiveLimitOptions = { initial: 256, min: 16, max: 1_000 };
const MAX_LOOP_DELAY_MS = 200;

export function createLoad(options: LoadOptions, metrics: Metrics): Load {
  const limit = createAdaptiveLimit({ ...ADAPTIVE, ...options.adaptive });
  const loopDelay = measureLoopDelay();
  const { maxLoopDelayMs = MAX_LOOP_DELAY_MS } = options;
  const loopDelayMs = () => loopDelay.medianMs;
  const isTooMuch = createShedding({
    maxInFlight: () => limit.limit,
    maxLoopDelayMs,
    loopDelayMs,
  });
  const shed: Record<Priority, number> = { sheddable: 0, normal: 0, critical: 0 };
  let inFlight = 0;
  let waiting = 0;
  let zombies = 0;

  function leave(startedAtMs: number, hasRun: boolean, isLate: boolean): void {
    const nowMs = performance.now();
    // What was refused before its work began says nothing about the load.
    if (hasRun) limit.record(nowMs - startedAtMs, inFlight, isLate ? 'dropped' : 'answered', nowMs);
    inFlight -= 1;
  }

  const state = (): LoadState => ({
    inFlight,
    zombies,
    limit: limit.limit,
    loopDelayMs: Math.round(loopDelayMs() * 10) / 10,
    shed: { ...shed },
  });
  exposeLoad(metrics, state);

  return {
    admits: (priority) => {
      const isLate = loopDelayMs() > maxLoopDelayMs;
      if (!isTooMuch(priority, isLate ? inFlight + waiting : inFlight)) return true;
      shed[priority] += 1;
      return false;
    },
    enter: (response, waits) => {
      if (waits) {
        waiting += 1;
        response.once('close', () => {
          waiting -= 1;
        });
        return undefined;
      }
      const startedAtMs = performance.now();
      inFlight += 1;
      let phase: 'before' | 'running' | 'ended' = 'before';
      let hasGone = false;
      response.once('close', () => {
        hasGone = true;
        if (phase === 'running') zombies += 1;
        else leave(startedAtMs, phase === 'ended', false);
      });
      const end = () => {
        phase = 'ended';
        if (!hasGone) return;
        zombies -= 1;
        leave(startedAtMs, true, true);
      };
      return {
        run: async (work) => {
          phase = 'running';
          try {
            return await work();
          } finally {
            end();
          }
        },
      };
    },
    state,
    close: loopDelay.close,
  };
}

function exposeLoad(metrics: Metrics, state: () => LoadState): void {
  const running = metrics.gauge(
    'resilience_server_running',
    'Requests in work, zombies included.',
    [],
    '{request}',
  );
  const zombies = metrics.gauge(
    'resilience_server_zombies',
    'Work whose response has gone.',
    [],
    '{request}',
  );
  const limit = metrics.gauge(
    'resilience_server_limit',
    'Requests that are served at a time.',
    [],
    '{request}',
  );
  const shed = metrics.counter(
    'resilience_server_shed_total',
    'Requests refused for overload.',
    ['priority'],
    '{request}',
  );
  metrics.beforeRender(() => {
    const now = state();
    running.set(now.inFlight);
    zombies.set(now.zombies);
    limit.set(now.limit);
    for (const [priority, count] of Object.entries(now.shed)) shed.reach(count, { priority });
  });
}
