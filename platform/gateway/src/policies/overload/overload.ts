import type { Step } from '../../exchange.ts';
import type { Refusal } from '../../wire/rules/refusal.ts';
import type { LoadPriority, OverloadConfig } from './config.ts';

export interface Load {
  /** Requests in this process that have no complete response yet. */
  readonly inFlight: number;
  /** How late the event loop is, the median of the last half second, in ms. */
  readonly loopDelayMs: number;
}

const OVERLOADED: Refusal = { status: 503, code: 'overloaded', headers: [['retry-after', '1']] };

/** By how much a limit must be passed before a priority goes too. */
const PATIENCE: Readonly<Record<LoadPriority, number>> = { low: 1, normal: 1.5, critical: 2 };

/**
 * Refuses with 503 while there is more work than can be done: low priority from the limits on, normal from one
 * and a half times, critical from twice of them.
 */
export function compileOverload(
  { maxInFlight, maxLoopDelayMs }: OverloadConfig,
  priority: LoadPriority,
  load: () => Load,
): Step | undefined {
  if (maxInFlight === Number.POSITIVE_INFINITY && maxLoopDelayMs === Number.POSITIVE_INFINITY)
    return undefined;
  const most = maxInFlight * PATIENCE[priority];
  const latestMs = maxLoopDelayMs * PATIENCE[priority];
  return () => {
    const { inFlight, loopDelayMs } = load();
    return inFlight > most || loopDelayMs > latestMs ? OVERLOADED : undefined;
  };
}
