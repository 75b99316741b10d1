import { backoffMs, type Clock, pause, spread } from '@flotilla/kernel';
import type { ConsulClient } from './consul-client.ts';
import type { ServiceAnswers } from './service-answers.ts';

export interface FollowDeps {
  readonly client: ConsulClient;
  readonly clock: Clock;
  readonly random: () => number;
  /** Asks so often instead of waiting for changes. */
  readonly pollMs?: number | undefined;
}

/** Between questions to a registry that responds at once instead of waiting for a change. */
const REPEAT_MS = 500;
/** Between questions about a service that has no place among those that may wait. */
const WITHOUT_PLACE_MS = 1_000;
/** Between answers that brought something: a registry in turmoil does not take the process. */
const BREATH_MS = 50;
const LONGEST_BACKOFF_MS = 1_000;

/** Asks for as long as it is wanted, each question with the index of the answer before it. Never rejects. */
export async function followService(
  answers: ServiceAnswers,
  deps: FollowDeps,
  isWanted: () => boolean,
  signal: AbortSignal,
): Promise<void> {
  let leave: (() => void) | undefined;
  let index = answers.failures === 0 ? answers.knowledge.index : 0n;
  while (!signal.aborted && isWanted()) {
    if (deps.pollMs === undefined) leave ??= deps.client.takeWatch();
    index = await askAndPause(answers, deps, { index, hasPlace: leave !== undefined, signal });
  }
  leave?.();
}

interface Question {
  readonly index: bigint;
  /** Among those that may wait at the registry. */
  readonly hasPlace: boolean;
  readonly signal: AbortSignal;
}

async function askAndPause(answers: ServiceAnswers, deps: FollowDeps, question: Question): Promise<bigint> {
  const { clock } = deps;
  const { hasPlace, signal } = question;
  const before = hasPlace ? question.index : 0n;
  const startedAtMs = clock.now().getTime();
  let index = 0n; // after a failure too: whoever answers next may count from another number
  try {
    index = await answers.ask(before, signal);
  } catch (error) {
    if (signal.aborted) return 0n;
    answers.failed(error);
  }
  // A question that waited its whole time comes back with the index it had: the next one may follow at once.
  const isRepeated = (index === 0n || index === before) && clock.now().getTime() - startedAtMs < REPEAT_MS;
  await pause(clock, pauseMs(answers.failures, deps, isRepeated, hasPlace), signal);
  return index;
}

function pauseMs(
  failures: number,
  { pollMs, random }: FollowDeps,
  isRepeated: boolean,
  hasPlace: boolean,
): number {
  if (failures > 0) return backoffMs(failures, 100, LONGEST_BACKOFF_MS, random);
  if (pollMs !== undefined) return pollMs;
  if (!hasPlace) return spread(WITHOUT_PLACE_MS, random);
  return isRepeated ? REPEAT_MS : BREATH_MS;
}
