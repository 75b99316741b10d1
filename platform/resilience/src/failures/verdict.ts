import { isPlatformError } from '@flotilla/kernel';
import { type RefusalReason, refusalReason } from './marks.ts';

/** What a failed attempt says. */
export interface Verdict {
  /**
   * About whoever was called: `'failed'` counts against it, `'answered'` for it, `'nothing'` neither way. A refusal says
   * nothing about health.
   */
  readonly says: 'failed' | 'answered' | 'nothing';
  /**
   * `'always'`: nothing can have been carried out; `'repeatable'`: only what may be carried out twice; `'never'`.
   */
  readonly repeat: 'always' | 'repeatable' | 'never';
  /** It never reached an instance, so repeating it adds no load and takes nothing from the budget. */
  readonly unsent?: boolean;
  /** Not sooner than this, as the callee said. */
  readonly afterMs?: number;
  readonly refused?: RefusalReason;
}

export type Judge = (error: unknown) => Verdict;

const ANSWERED: Verdict = { says: 'answered', repeat: 'never' };
/** Something went wrong, and how far it got is unknown. */
export const FAULT: Verdict = { says: 'failed', repeat: 'repeatable' };
const UNSENT: Verdict = { says: 'nothing', repeat: 'always', unsent: true };
const OWNED: Verdict = { says: 'nothing', repeat: 'never' };
const REFUSED: Readonly<Record<RefusalReason, Verdict>> = {
  overload: { says: 'nothing', repeat: 'never', refused: 'overload' },
  draining: { says: 'nothing', repeat: 'always', unsent: true, refused: 'draining' },
  deadline: { says: 'nothing', repeat: 'never', refused: 'deadline' },
  circuit: { says: 'nothing', repeat: 'never', refused: 'circuit' },
};

/**
 * Reads the errors of the platform: `retryable`, and in `details` `refused`, `sent: false`, `retryOwner`, `retryAfterMs`.
 * Anything that is no platform error is a fault.
 */
export const judgePlatformError: Judge = (error) => {
  if (!isPlatformError(error)) return FAULT;
  const { refused, sent, retryOwner, retryAfterMs, isFinal } = error.details;
  const reason = typeof refused === 'string' ? refusalReason(refused) : undefined;
  if (reason !== undefined) return REFUSED[reason];
  if (!error.retryable) return ANSWERED;
  if (retryOwner !== undefined || isFinal === true) return OWNED;
  if (sent === false || error.code.startsWith('DISCOVERY_')) return UNSENT;
  return typeof retryAfterMs === 'number' ? { ...FAULT, afterMs: retryAfterMs } : FAULT;
};
