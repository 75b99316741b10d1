import { once } from 'node:events';
import { type Clock, toError } from '@flotilla/kernel';
import type { Logger } from '@flotilla/telemetry';
import type { ConsulClient } from './consul-client.ts';
import type { Endpoint } from './endpoint.ts';

/** What is known about one service, kept up to date until closed. */
export interface ServiceWatch {
  /** The last good answer, `undefined` before the first. */
  current(): readonly Endpoint[] | undefined;
  /** Waits for the first answer; rejects when the signal aborts or the watch is closed. */
  first(signal: AbortSignal): Promise<readonly Endpoint[]>;
  lastFailure(): Error | undefined;
  close(): Promise<void>;
}

interface WatchDeps {
  readonly service: string;
  readonly client: ConsulClient;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly waitSeconds: number;
}

const MAX_BACKOFF_MS = 2_000;
/**
 * A registry without memory comes back empty and fills again with the next heartbeats. For this long after an
 * outage an empty answer is taken for that, not for the death of every instance.
 */
const REFILL_MS = 15_000;

export function watchService(deps: WatchDeps): ServiceWatch {
  const { service, client, logger, clock, waitSeconds } = deps;
  const closing = new AbortController();
  const answered = new AbortController(); // aborted = the first answer is there
  let current: readonly Endpoint[] | undefined;
  let failure: Error | undefined;
  let failures = 0;
  let index = 0;
  let refillingUntilMs = 0;

  async function step(): Promise<void> {
    const answer = await client.healthy(service, { index, waitSeconds, signal: closing.signal });
    if (failures > 0) {
      logger.info({ service, failures }, 'the registry answers again');
      refillingUntilMs = clock.now().getTime() + REFILL_MS;
    }
    failures = 0;
    failure = undefined;
    // An index that goes backwards belongs to another registry: start over, as Consul's documentation asks.
    index = answer.index < index ? 0 : answer.index;
    const emptied = answer.endpoints.length === 0 && (current?.length ?? 0) > 0;
    if (!emptied || clock.now().getTime() >= refillingUntilMs) {
      current = answer.endpoints;
      answered.abort();
      return;
    }
    index = 0; // ask again instead of waiting for a change that may never come
    await clock.sleep(1_000, closing.signal);
  }

  async function run(): Promise<void> {
    while (!closing.signal.aborted) {
      try {
        await step();
      } catch (error) {
        if (closing.signal.aborted) return;
        failure = toError(error);
        index = 0; // whoever answers next may count from another number: ask anew, do not wait for a change
        if (failures === 0) logger.warn({ service, err: failure }, 'the registry cannot be reached');
        await pause(Math.min(MAX_BACKOFF_MS, 50 * 2 ** failures));
        failures += 1;
      }
    }
  }

  const pause = (ms: number) =>
    clock.sleep(ms, closing.signal).catch((error: unknown) => {
      if (!closing.signal.aborted) throw error;
    });

  const running = run();
  return {
    current: () => current,
    lastFailure: () => failure,
    first: async (signal) => {
      const stop = AbortSignal.any([signal, closing.signal]);
      if (!answered.signal.aborted) await once(answered.signal, 'abort', { signal: stop });
      return current ?? [];
    },
    close: async () => {
      closing.abort();
      await running;
    },
  };
}
