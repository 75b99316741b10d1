import { isPlatformError } from '@flotilla/kernel';

export interface FailedAttempt {
  readonly error: unknown;
  /** 1 for the first. */
  readonly attempt: number;
  /** May the request be sent again although it may have been carried out? */
  readonly repeatable: boolean;
  readonly remainingMs: number;
  /** 0 ≤ random < 1 */
  readonly random: number;
}

/** About four seconds in all: twice what a restart takes, for a busy machine. */
const MAX_UNSENT_ATTEMPTS = 24;
const MAX_SENT_ATTEMPTS = 3;
const UNSENT_BASE_MS = 20;
const MAX_DELAY_MS = 400;
const SENT_BASE_MS = 50;

/**
 * How long to wait before the next attempt; `undefined` to give up. A request that never left is always safe to
 * try again; one that was sent only when it is repeatable. Full jitter keeps many callers from returning at once.
 */
export function retryDelayMs(failed: FailedAttempt): number | undefined {
  const { error, attempt, repeatable, remainingMs, random } = failed;
  if (!isPlatformError(error) || !error.retryable || error.code === 'HTTP_TIMEOUT') return undefined;
  const unsent = error.code.startsWith('DISCOVERY_') || error.details['sent'] === false;
  if (!unsent && !repeatable) return undefined;
  if (attempt >= (unsent ? MAX_UNSENT_ATTEMPTS : MAX_SENT_ATTEMPTS)) return undefined;
  const advisedMs = error.details['retryAfterMs'];
  const jittered = random * Math.min(MAX_DELAY_MS, (unsent ? UNSENT_BASE_MS : SENT_BASE_MS) * 2 ** attempt);
  const delayMs = typeof advisedMs === 'number' ? Math.max(advisedMs, jittered) : jittered;
  return delayMs < remainingMs ? delayMs : undefined;
}
