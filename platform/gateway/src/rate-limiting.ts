import type { Clock } from '@flotilla/kernel';
import type { RateLimitConfig } from './config/gateway-config.ts';
import type { Exchange } from './exchange.ts';
import type { RateLimiter } from './rate-limiter.ts';
import type { Refusal } from './refusal.ts';
import type { RequestHead } from './request-head.ts';

/**
 * Takes one request off the client's budget, before authentication (`client`) or after it (`subject`),
 * whichever the route asks for. Admitted answers tell the budget; a rejection is returned.
 */
export function chargeBudget(
  exchange: Exchange,
  head: RequestHead,
  options: RateLimitConfig | undefined,
  limiter: RateLimiter | undefined,
  stage: RateLimitConfig['keyedBy'],
  clock: Clock,
): Refusal | undefined {
  if (options === undefined || limiter === undefined || options.keyedBy !== stage) return undefined;
  const key = budgetOwner(exchange, head, options);
  if (options.whitelist.has(key)) return undefined;
  const nowMs = clock.now().getTime();
  const { admitted, remaining, resetAtMs, retryAfterMs } = limiter.admit(key, nowMs);
  const limit = String(options.limit);
  const resetSeconds = String(Math.max(1, Math.ceil((resetAtMs - nowMs) / 1000)));
  const budget = [
    'ratelimit-limit',
    limit,
    'ratelimit-remaining',
    String(remaining),
    'ratelimit-reset',
    resetSeconds,
  ];
  if (options.headers) exchange.answerHeaders.push(...budget);
  if (!admitted) return rejection(options, retryAfterMs);
  if (!options.headers) return undefined;
  const reset = new Date(resetAtMs).toISOString();
  exchange.answerHeaders.push('x-ratelimit-limit', limit, 'x-ratelimit-remaining', String(remaining));
  exchange.answerHeaders.push('x-ratelimit-reset', reset);
  return undefined;
}

function budgetOwner(
  { principal, clientAddress }: Exchange,
  head: RequestHead,
  options: RateLimitConfig,
): string {
  if (options.keyedBy === 'subject') return principal?.subject ?? clientAddress;
  return head.fields.get(options.clientIdHeader) || clientAddress;
}

function rejection({ status, format, message, headers }: RateLimitConfig, retryAfterMs: number): Refusal {
  const seconds = Math.max(1, Math.ceil(retryAfterMs / 1000));
  return {
    status,
    code: 'rate-limited',
    ...(format === 'text' ? { text: message } : { detail: message }),
    ...(headers && { headers: [['retry-after', String(seconds)]] }),
  };
}
