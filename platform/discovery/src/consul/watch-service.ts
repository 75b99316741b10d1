import { backoffMs, type Clock, pause, spread, toError } from '@flotilla/kernel';
import type { Logger } from '@flotilla/telemetry';
import type { Endpoint } from '../endpoint.ts';
import type { ConsulClient } from './consul-client.ts';
import { createKnowledge } from './knowledge.ts';
import type { ReadHealthOptions } from './read-health.ts';

/** What is known about one service. */
export interface ServiceWatch {
  /** When it has no instances: may there be some soon? Not of a service that the registry does not know. */
  readonly isHopeful: boolean;
  readonly isFollowing: boolean;
  /** The registry has said something about it, ever. */
  readonly isHeard: boolean;
  readonly lastFailure: Error | undefined;
  /** The last good answer, the same array as long as it says the same. `undefined` = ask with `load`. */
  current(): readonly Endpoint[] | undefined;
  /** Asks, or waits for the question that is on its way. Never rejects: nothing known is an empty list. */
  load(): Promise<readonly Endpoint[]>;
  /** Stops following; it starts again when it is asked for. */
  stop(): void;
  /** Resolves when it does not follow. */
  ended(): Promise<void>;
}

export interface WatchDeps extends ReadHealthOptions {
  readonly client: ConsulClient;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly random: () => number;
  /** Length of one question that waits. */
  readonly waitSeconds: number;
  /** Asks so often instead of waiting for changes. */
  readonly pollMs?: number | undefined;
  /** Also while it has no instances and nobody asks for it. Off where clients may make up names. */
  readonly isPermanent: boolean;
  /** Longest a first question takes. Default 2,000. */
  readonly firstAnswerTimeoutMs?: number;
  /** Ends everything for good. */
  readonly closing: AbortSignal;
}

/** Between questions to a registry that responds at once instead of waiting for a change. */
const REPEAT_MS = 500;
/** Between questions about a service that has no place among those that may wait. */
const WITHOUT_PLACE_MS = 1_000;
/** Between answers that brought something: a registry in turmoil does not take the process. */
const BREATH_MS = 50;
const LONGEST_BACKOFF_MS = 1_000;
/** Nobody asked for so long: not followed any more. */
const IDLE_MS = 60_000;
/** How long it is believed that a service has no instances, or does not exist. */
const ABSENT_MS = 500;

/**
 * Follows a service by questions that wait for a change, so that one is known at once and looking costs nothing. While
 * the registry is away the last good answer stays. A service without instances is not followed unless it is permanent:
 * a name that somebody made up costs one question each half second.
 */
export function watchService(deps: WatchDeps): ServiceWatch {
  const { service, client, clock, logger, random, closing, isPermanent, pollMs } = deps;
  const { firstAnswerTimeoutMs = 2_000 } = deps;
  const nowMs = () => clock.now().getTime();
  const knowledge = createKnowledge(nowMs);
  const heard = new AbortController(); // aborted = the registry has said something
  let isKnown = false;
  let askedAtMs = nowMs();
  let answeredAtMs = Number.NEGATIVE_INFINITY;
  let following: { readonly stop: AbortController; readonly done: Promise<void> } | undefined;
  let loading: Promise<readonly Endpoint[]> | undefined;
  let failure: Error | undefined;
  let failures = 0;

  /** The index to ask with next: 0 = do not wait. */
  async function ask(index: bigint, signal: AbortSignal): Promise<bigint> {
    const answer = await client.healthy({ ...deps, index, signal, timeoutMs: firstAnswerTimeoutMs });
    if (failures > 0) logger.info({ service, failures }, 'the registry answers again');
    const isComplete = knowledge.learn(answer, { isAfterOutage: failures > 0 });
    failures = 0;
    failure = undefined;
    answeredAtMs = nowMs();
    heard.abort();
    return isComplete ? answer.index : 0n;
  }

  function failed(error: unknown): void {
    failure = toError(error);
    if (failures === 0) logger.warn({ service, err: failure }, 'the registry cannot be reached');
    failures += 1;
  }

  const isWanted = () => isPermanent || (knowledge.endpoints.length > 0 && nowMs() - askedAtMs < IDLE_MS);

  async function follow(signal: AbortSignal): Promise<void> {
    let leave: (() => void) | undefined;
    let index = failures === 0 ? knowledge.index : 0n;
    while (!signal.aborted && isWanted()) {
      if (pollMs === undefined) leave ??= client.takeWatch();
      index = await step(leave === undefined ? 0n : index, signal, leave !== undefined);
    }
    leave?.();
  }

  /** One question and the pause after it. */
  async function step(before: bigint, signal: AbortSignal, hasPlace: boolean): Promise<bigint> {
    const startedAtMs = nowMs();
    let index = 0n; // after a failure too: whoever answers next may count from another number
    try {
      index = await ask(before, signal);
    } catch (error) {
      if (signal.aborted) return 0n;
      failed(error);
    }
    // A question that waited its whole time comes back with the index it had: the next one may follow at once.
    const isRepeated = (index === 0n || index === before) && nowMs() - startedAtMs < REPEAT_MS;
    await pause(clock, pauseMs(isRepeated, hasPlace), signal);
    return index;
  }

  function pauseMs(isRepeated: boolean, hasPlace: boolean): number {
    if (failures > 0) return backoffMs(failures, 100, LONGEST_BACKOFF_MS, random);
    if (pollMs !== undefined) return pollMs;
    if (!hasPlace) return spread(WITHOUT_PLACE_MS, random);
    return isRepeated ? REPEAT_MS : BREATH_MS;
  }

  function startFollowing(): void {
    if (following !== undefined || closing.aborted) return;
    const stop = new AbortController();
    const end = () => stop.abort();
    closing.addEventListener('abort', end, { once: true });
    const done = follow(stop.signal).finally(() => {
      closing.removeEventListener('abort', end);
      following = undefined;
    });
    following = { stop, done };
  }

  async function askOnce(): Promise<void> {
    try {
      await ask(0n, closing);
      isKnown = !knowledge.isHopeful && (await client.isRegistered({ ...deps, signal: closing }));
    } catch (error) {
      if (!closing.aborted) failed(error);
      answeredAtMs = nowMs(); // and the next question is not due at once
    }
    if (knowledge.endpoints.length > 0) startFollowing();
  }

  /** The first answer, in case it comes in time: the questions go on by themselves. */
  async function awaitFirst(): Promise<void> {
    startFollowing();
    const enough = new AbortController();
    const end = () => enough.abort();
    heard.signal.addEventListener('abort', end, { once: true });
    closing.addEventListener('abort', end, { once: true });
    if (!heard.signal.aborted && !closing.aborted) await pause(clock, firstAnswerTimeoutMs, enough.signal);
    heard.signal.removeEventListener('abort', end);
    closing.removeEventListener('abort', end);
  }

  async function load(): Promise<readonly Endpoint[]> {
    await (isPermanent ? awaitFirst() : askOnce());
    loading = undefined;
    return knowledge.endpoints;
  }

  return {
    get isHopeful() {
      return isKnown || knowledge.isHopeful;
    },
    get isFollowing() {
      return following !== undefined;
    },
    get isHeard() {
      return heard.signal.aborted;
    },
    get lastFailure() {
      return failure;
    },
    current: () => {
      if (isPermanent && heard.signal.aborted && following !== undefined) return knowledge.endpoints;
      askedAtMs = nowMs();
      const isFresh = following !== undefined || askedAtMs - answeredAtMs < ABSENT_MS;
      return isFresh && (heard.signal.aborted || !isPermanent) ? knowledge.endpoints : undefined;
    },
    load: () => {
      askedAtMs = nowMs();
      loading ??= load();
      // Callers that try again for a while must not wait for a whole question with each try.
      return isPermanent || failures === 0 ? loading : Promise.resolve(knowledge.endpoints);
    },
    stop: () => following?.stop.abort(),
    ended: async () => following?.done,
  };
}
