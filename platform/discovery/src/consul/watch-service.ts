import { type Clock, pause } from '@flotilla/kernel';
import type { Logger } from '@flotilla/telemetry';
import type { Endpoint } from '../endpoint.ts';
import { type FollowDeps, followService } from './follow-service.ts';
import type { ReadHealthOptions } from './read-health.ts';
import { createServiceAnswers, type ServiceAnswers } from './service-answers.ts';

/** What is known about one service. */
export interface ServiceWatch {
  /** When it has no instances: may there be some soon? Not of a service that the registry does not know. */
  readonly isHopeful: boolean;
  readonly isFollowing: boolean;
  /** The registry has said something about it, ever. */
  readonly isHeard: boolean;
  readonly lastFailure: Error | undefined;
  /** Since the last good answer, ms; `undefined` before the first one. */
  readonly ageMs: number | undefined;
  /** The last good answer, the same array as long as it says the same. `undefined` = ask with `load`. */
  current(): readonly Endpoint[] | undefined;
  /** Asks, or waits for the question that is on its way. Never rejects: nothing known is an empty list. */
  load(): Promise<readonly Endpoint[]>;
  /** Stops following; it starts again when it is asked for. */
  stop(): void;
  /** Resolves when it does not follow. */
  ended(): Promise<void>;
}

export interface WatchDeps extends ReadHealthOptions, FollowDeps {
  readonly logger: Logger;
  /** Length of one question that waits. */
  readonly waitSeconds: number;
  /** Also while it has no instances and nobody asks for it. Off where clients may make up names. */
  readonly isPermanent: boolean;
  /** Longest a first question takes. Default 2,000. */
  readonly firstAnswerTimeoutMs?: number;
  /** Ends everything for good. */
  readonly closing: AbortSignal;
}

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
  const { client, clock, closing, isPermanent, firstAnswerTimeoutMs = 2_000 } = deps;
  const nowMs = () => clock.now().getTime();
  const answers = createServiceAnswers({ ...deps, firstAnswerTimeoutMs, nowMs });
  const { knowledge, heard } = answers;
  let isKnown = false;
  let askedAtMs = nowMs();
  let lookedAtMs = Number.NEGATIVE_INFINITY; // by `load`, with whatever success
  let following: { readonly stop: AbortController; readonly done: Promise<void> } | undefined;
  let loading: Promise<readonly Endpoint[]> | undefined;

  const isWanted = () => isPermanent || (knowledge.endpoints.length > 0 && nowMs() - askedAtMs < IDLE_MS);

  function startFollowing(): void {
    if (following !== undefined || closing.aborted) return;
    const stop = new AbortController();
    const end = () => stop.abort();
    closing.addEventListener('abort', end, { once: true });
    const done = followService(answers, deps, isWanted, stop.signal).finally(() => {
      closing.removeEventListener('abort', end);
      following = undefined;
    });
    following = { stop, done };
  }

  async function askOnce(): Promise<void> {
    try {
      await answers.ask(0n, closing);
      isKnown = !knowledge.isHopeful && (await client.isRegistered({ ...deps, signal: closing }));
    } catch (error) {
      if (!closing.aborted) answers.failed(error);
      lookedAtMs = nowMs(); // and the next question is not due at once
    }
    if (knowledge.endpoints.length > 0) startFollowing();
  }

  async function load(): Promise<readonly Endpoint[]> {
    if (isPermanent) {
      // The first answer, in case it comes in time: the questions go on by themselves.
      startFollowing();
      await firstAnswer(answers, clock, firstAnswerTimeoutMs, closing);
    } else await askOnce();
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
      return heard.aborted;
    },
    get lastFailure() {
      return answers.lastFailure;
    },
    get ageMs() {
      return heard.aborted ? nowMs() - answers.answeredAtMs : undefined;
    },
    current: () => {
      if (isPermanent && heard.aborted && following !== undefined) return knowledge.endpoints;
      askedAtMs = nowMs();
      const isFresh =
        following !== undefined || askedAtMs - Math.max(answers.answeredAtMs, lookedAtMs) < ABSENT_MS;
      return isFresh && (heard.aborted || !isPermanent) ? knowledge.endpoints : undefined;
    },
    load: () => {
      askedAtMs = nowMs();
      loading ??= load();
      // Callers that try again for a while must not wait for a whole question with each try.
      return isPermanent || answers.failures === 0 ? loading : Promise.resolve(knowledge.endpoints);
    },
    stop: () => following?.stop.abort(),
    ended: async () => following?.done,
  };
}

/** Resolves when the registry has said something, after `timeoutMs` at the latest. */
async function firstAnswer(
  { heard }: ServiceAnswers,
  clock: Clock,
  timeoutMs: number,
  closing: AbortSignal,
): Promise<void> {
  if (heard.aborted || closing.aborted) return;
  const enough = new AbortController();
  const end = () => enough.abort();
  for (const signal of [heard, closing]) signal.addEventListener('abort', end, { once: true });
  await pause(clock, timeoutMs, enough.signal);
  for (const signal of [heard, closing]) signal.removeEventListener('abort', end);
}
