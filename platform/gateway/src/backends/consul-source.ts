import { type Clock, toError } from '@flotilla/kernel';
import type { Logger } from '@flotilla/telemetry';
import type { DiscoveryConfig } from '../model.ts';
import type { Found } from './candidate.ts';
import { readHealthResponse } from './consul-answer.ts';
import { createLastKnown } from './hope.ts';
import { type InstanceSource, keepIfSame } from './instance-source.ts';

export interface ConsulSource extends InstanceSource {
  readonly isFollowing: boolean;
  /** Stops following; it starts again when it is asked for. */
  stop(): void;
  /** Resolves when it does not follow. */
  ended(): Promise<void>;
}

interface ConsulSourceDeps {
  readonly service: string;
  readonly namespace: string | undefined;
  readonly discovery: DiscoveryConfig;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Ends everything for good. */
  readonly closing: AbortSignal;
}

const WAIT_SECONDS = 30;
const CALL_TIMEOUT_MS = 2_000;
// Consul adds up to a sixteenth to the asked wait, and the response has to travel.
const WAIT_TIMEOUT_MS = WAIT_SECONDS * 1000 * (17 / 16) + CALL_TIMEOUT_MS;
/** Between questions to a registry that answers at once instead of waiting for a change. */
const REPEAT_MS = 500;
/** Between answers that brought something: a registry in turmoil does not take the process. */
const BREATH_MS = 50;
const LONGEST_BACKOFF_MS = 2_000;
/** Nobody asked for so long: not followed any more. */
const IDLE_MS = 60_000;
/** How long it is believed that a service has no instances, or does not exist. */
const ABSENT_MS = 500;
/** After an outage a registry without memory fills again with the next heartbeats: until then empty means nothing. */
const REFILL_MS = 15_000;

/**
 * The instances of one service in Consul. `Consul` follows it with blocking queries, so that a change is known at
 * once, or asks twice a second when the registry does not do those; `PollConsul` asks each `pollingIntervalMs`.
 * While the registry is away the last good response stays. A service without instances is not followed: a name that
 * clients made up costs one question each half second.
 */
export function createConsulSource(deps: ConsulSourceDeps): ConsulSource {
  const { service, discovery, clock, logger, closing } = deps;
  const nowMs = () => clock.now().getTime();
  let found: readonly Found[] = [];
  let askedAtMs = nowMs();
  let answeredAtMs = Number.NEGATIVE_INFINITY;
  let following: { readonly stop: AbortController; readonly done: Promise<void> } | undefined;
  let loading: Promise<readonly Found[]> | undefined;
  let failures = 0;
  let refillingUntilMs = 0;
  const hope = createLastKnown(nowMs);
  let isKnown = false;

  async function ask(index: number, signal: AbortSignal): Promise<number> {
    const answer = await askConsul(deps, index, signal);
    const isEmptied = answer.found.length === 0 && found.length > 0;
    if (failures > 0) {
      logger.info({ service, failures }, 'the registry answers again');
      refillingUntilMs = nowMs() + REFILL_MS;
    }
    failures = 0;
    answeredAtMs = nowMs();
    if (isEmptied && answeredAtMs < refillingUntilMs) return 0;
    found = keepIfSame(found, answer.found);
    hope.answered(found.length);
    // An index that goes backwards belongs to another registry: start over.
    return answer.index < index ? 0 : answer.index;
  }

  function failed(error: unknown): void {
    if (failures === 0) logger.warn({ service, err: toError(error) }, 'the registry cannot be reached');
    failures += 1;
  }

  /** Until nobody asks any more, or the service is gone. */
  async function follow(signal: AbortSignal): Promise<void> {
    let index = 0;
    while (!signal.aborted && nowMs() - askedAtMs < IDLE_MS && found.length > 0) {
      const before = index;
      try {
        index = await ask(discovery.type === 'Consul' ? index : 0, signal);
      } catch (error) {
        if (signal.aborted) return;
        failed(error);
      }
      await pause(clock, pauseMs(index === 0 || index === before), signal);
    }
  }

  function pauseMs(isUnchanged: boolean): number {
    if (failures > 0) return Math.min(LONGEST_BACKOFF_MS, 50 * 2 ** failures);
    if (discovery.type === 'PollConsul') return discovery.pollingIntervalMs;
    return isUnchanged ? REPEAT_MS : BREATH_MS;
  }

  function startFollowing(): void {
    if (following !== undefined || closing.aborted) return;
    const stop = new AbortController();
    const done = follow(AbortSignal.any([stop.signal, closing])).finally(() => {
      following = undefined;
    });
    following = { stop, done };
  }

  async function load(): Promise<readonly Found[]> {
    try {
      await ask(0, closing);
      isKnown = !hope.isAlive && (await isRegistered(deps, closing));
    } catch (error) {
      failed(error);
      answeredAtMs = nowMs(); // and the next question is not due at once
    }
    loading = undefined;
    if (found.length > 0) startFollowing();
    return found;
  }

  return {
    get isHopeful() {
      return isKnown || hope.isAlive;
    },
    get isFollowing() {
      return following !== undefined;
    },
    current: () => {
      askedAtMs = nowMs();
      if (following !== undefined || askedAtMs - answeredAtMs < ABSENT_MS) return found;
      return undefined;
    },
    load: () => {
      askedAtMs = nowMs();
      loading ??= load();
      return loading;
    },
    stop: () => following?.stop.abort(),
    ended: async () => following?.done,
  };
}

async function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  if (ms <= 0 || signal.aborted) return;
  await clock.sleep(ms, signal).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
}

/** Has it instances that are not healthy? They may be so soon. */
async function isRegistered(deps: ConsulSourceDeps, signal: AbortSignal): Promise<boolean> {
  try {
    const { body } = await get(deps, [], CALL_TIMEOUT_MS, signal);
    return Array.isArray(body) && body.length > 0;
  } catch {
    return false; // it has just said that there is none that can be asked
  }
}

async function askConsul(
  deps: ConsulSourceDeps,
  index: number,
  signal: AbortSignal,
): Promise<{ readonly found: readonly Found[]; readonly index: number }> {
  const waits = index > 0;
  const query = ['passing', ...(waits ? [`index=${index}`, `wait=${WAIT_SECONDS}s`] : [])];
  const answer = await get(deps, query, waits ? WAIT_TIMEOUT_MS : CALL_TIMEOUT_MS, signal);
  return { found: readHealthResponse(answer.body), index: answer.index };
}

async function get(
  { service, namespace, discovery }: ConsulSourceDeps,
  query: readonly string[],
  timeoutMs: number,
  signal: AbortSignal,
): Promise<{ readonly body: unknown; readonly index: number }> {
  const target = new URL(`/v1/health/service/${encodeURIComponent(service)}`, discovery.url);
  const space = namespace ?? discovery.namespace;
  target.search = [...query, ...(space ? [`ns=${encodeURIComponent(space)}`] : [])].join('&');
  const response = await fetch(target, {
    redirect: 'error',
    signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
    headers: discovery.token === undefined ? {} : { 'x-consul-token': discovery.token },
  });
  if (!response.ok) {
    await response.body?.cancel();
    throw new Error(`the registry answered ${response.status}`);
  }
  const answered = Number(response.headers.get('x-consul-index')) || 0;
  return { body: await response.json(), index: Math.max(0, answered) };
}
