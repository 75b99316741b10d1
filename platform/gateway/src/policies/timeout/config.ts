import { joinGroup } from '../../grammar/group.ts';
import { definePolicy } from '../../grammar/policy.ts';
import { circuitBreaker, type QualityGroup } from '../circuit-breaker/config.ts';

export interface TimeoutConfig {
  /** Until the head of the response is there. */
  readonly timeoutMs: number;
  /** Says in the error's text that it was the timeout of QoS. */
  readonly qosTimeout: boolean;
}

export const timeout = definePolicy({
  keys: {
    ...circuitBreaker.keys,
    Timeout: { type: 'integer', default: 90, doc: 'Until the answer begins, s; 0 or less = as if absent.' },
  },
  read: ({ own, global, owner }) =>
    readTimeout(joinGroup(own?.values.QoSOptions, global?.values.QoSOptions, owner.key), [
      own?.values.Timeout,
      global?.values.Timeout,
    ]),
});

const DAY_MS = 86_400_000;
const DEFAULT_TIMEOUT_SECONDS = 90;

/** `candidates`: seconds of the route, of the global options; 0 or less counts as absent. */
function readTimeout(
  group: QualityGroup | undefined,
  candidates: readonly (number | undefined)[],
): TimeoutConfig {
  const qosMs = group?.values.Timeout ?? 0;
  // The plain timeout is taken as longer than that of QoS, so the latter always ends first.
  if (qosMs > 0) {
    if (qosMs > 10 && qosMs < DAY_MS) return { timeoutMs: qosMs, qosTimeout: true };
    group?.warn('Timeout', `${qosMs} is out of range, 30000 is used`);
    return { timeoutMs: 30_000, qosTimeout: true };
  }
  const seconds = candidates.find((candidate) => (candidate ?? 0) > 0) ?? DEFAULT_TIMEOUT_SECONDS;
  return { timeoutMs: seconds * 1000, qosTimeout: false };
}
