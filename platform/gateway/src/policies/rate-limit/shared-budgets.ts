import type { Admission, BudgetRule } from './budget.ts';

/** Budgets that all replicas take from. */
export interface SharedBudgets {
  /** `undefined` = the store is away: the caller counts by itself. Resolves within the store's short timeout. */
  admit(key: string, rule: BudgetRule): Promise<Admission | undefined> | undefined;
  close(): Promise<void>;
}

/** What is needed of a Redis client: runs a script for one key. Rejects when it cannot, or not in time. */
export interface BudgetScript {
  run(key: string, args: readonly string[]): Promise<unknown>;
}

/**
 * The rules of `createBudgets` as one atomic script, by the server's clock: replicas whose clocks differ share
 * a period. Nothing is kept longer than its period or penalty.
 */
export const BUDGET_SCRIPT = `
local limit, period, wait = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local kept = redis.call('HMGET', KEYS[1], 'count', 'ends', 'blocked')
local count, ends, blocked = tonumber(kept[1]), tonumber(kept[2]), tonumber(kept[3])
local runs = count and ((blocked > 0 and blocked > now) or (blocked == 0 and ends > now))
if not runs then count, ends, blocked = 0, now + period, 0 end
local admitted = blocked <= now and count < limit
if admitted then
  count = count + 1
elseif wait > 0 and blocked <= now then
  blocked = now + wait
elseif runs then
  local again = wait > 0 and blocked or ends
  return {0, 0, again - now}
end
local last = math.max(ends, blocked)
redis.call('HSET', KEYS[1], 'count', count, 'ends', ends, 'blocked', blocked)
redis.call('PEXPIRE', KEYS[1], math.max(1, math.ceil(last - now)))
if admitted then return {1, limit - count, ends - now} end
return {0, 0, (wait > 0 and blocked or ends) - now}
`;

export interface SharedBudgetsOptions {
  readonly script: BudgetScript;
  readonly nowMs: () => number;
  /** After a failure the store is not asked for so long. */
  readonly awayMs: number;
  /** Told when the store goes away, with the reason, and when it is back. */
  readonly onState: (state: 'away' | 'back', error: Error | undefined) => void;
}

/**
 * Asks the store and stops asking for a while when it fails: a store that hangs costs one request its timeout,
 * not all of them.
 */
export function createSharedAdmission({
  script,
  nowMs,
  awayMs,
  onState,
}: SharedBudgetsOptions): Omit<SharedBudgets, 'close'> {
  let retryAtMs = 0;
  let isAway = false;

  function fail(error: Error): undefined {
    retryAtMs = nowMs() + awayMs;
    if (!isAway) onState('away', error);
    isAway = true;
  }

  async function ask(key: string, { limit, periodMs, waitMs }: BudgetRule): Promise<Admission | undefined> {
    let reply: unknown;
    try {
      reply = await script.run(key, [String(limit), String(periodMs), String(waitMs ?? 0)]);
    } catch (error) {
      return fail(error instanceof Error ? error : new Error(String(error)));
    }
    const admission = readReply(reply);
    if (admission === undefined) return fail(new Error('the store gave no admission'));
    if (isAway) onState('back', undefined);
    isAway = false;
    return admission;
  }

  return {
    admit: (key, rule) => {
      const now = nowMs();
      if (isAway) {
        if (now < retryAtMs) return undefined;
        retryAtMs = now + awayMs; // one request finds out, the others go on by themselves
      }
      return ask(key, rule);
    },
  };
}

function readReply(reply: unknown): Admission | undefined {
  if (!Array.isArray(reply)) return undefined;
  const [admitted, remaining, resetAfterMs] = reply.map(Number);
  if (admitted === undefined || remaining === undefined || resetAfterMs === undefined) return undefined;
  return { admitted: admitted === 1, remaining, resetAfterMs };
}
