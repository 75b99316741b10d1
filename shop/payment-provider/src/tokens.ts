import type { Verdict } from './charge-store.ts';

/** How the test provider behaves for a token; each stands for something real processors do. */
export interface TokenBehaviour {
  readonly verdict: Verdict;
  /** How many requests per key are answered 503 before the first one is looked at. */
  readonly refusals?: number;
  /** Milliseconds it takes before anything is captured. */
  readonly delayMs?: number;
  /** The outcome is recorded, but the request is never answered. */
  readonly silent?: boolean;
}

const captured: Verdict = { status: 'captured' };

const BEHAVIOURS: Readonly<Record<string, TokenBehaviour>> = {
  tok_ok: { verdict: captured },
  tok_declined: { verdict: { status: 'declined', reason: 'card-declined' } },
  tok_flaky: { verdict: captured, refusals: 2 },
  tok_slow: { verdict: captured, delayMs: 3_000 },
  tok_timeout: { verdict: captured, silent: true },
};

export function behaviourOf(token: string): TokenBehaviour {
  return Object.hasOwn(BEHAVIOURS, token) ? (BEHAVIOURS[token] ?? INVALID) : INVALID;
}

const INVALID: TokenBehaviour = { verdict: { status: 'declined', reason: 'invalid-token' } };
