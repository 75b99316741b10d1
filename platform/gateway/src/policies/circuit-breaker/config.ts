import type { BreakerConfig } from '../../backends/options.ts';
import { type Group, ROUTE_KEYS } from '../../grammar/group.ts';
import type { SectionShape } from '../../grammar/shape.ts';

export const QUALITY = {
  MinimumThroughput: {
    type: 'integer',
    also: ['ExceptionsAllowedBeforeBreaking'],
    default: 100,
    doc: 'Failures in a row that open the circuit; with `FailureRatio` the least number of requests. At least 2.',
  },
  BreakDuration: {
    type: 'integer',
    also: ['DurationOfBreak'],
    default: 5000,
    doc: 'How long the circuit stays open, ms, above 500.',
  },
  FailureRatio: { type: 'number', doc: 'Share of failed requests that opens the circuit, above 0 up to 1.' },
  SamplingDuration: {
    type: 'integer',
    default: 10_000,
    doc: 'Window in which the ratio is taken, ms, above 500.',
  },
  Timeout: {
    type: 'integer',
    also: ['TimeoutValue'],
    doc: 'Until the answer begins, ms, above 10 and below a day; 0 or less = off.',
  },
  ...ROUTE_KEYS,
} as const satisfies SectionShape;

type QualityGroup = Group<typeof QUALITY>;

const DAY_MS = 86_400_000;
const DEFAULT_TIMEOUT_SECONDS = 90;

/** `undefined` = no circuit breaker. Values out of range are replaced, as Ocelot does, with a warning. */
export function readBreaker(group: QualityGroup | undefined, route: string): BreakerConfig | undefined {
  if (group === undefined || !isActive(group)) return undefined;
  const valid = (
    key: keyof typeof QUALITY & NumberKey,
    fallback: number,
    isValid: (n: number) => boolean,
  ) => {
    const given = group.values[key];
    if (given === undefined || isValid(given)) return given ?? fallback;
    group.warn(key, `${given} is out of range, ${fallback} is used`);
    return fallback;
  };
  return {
    route,
    minimumThroughput: valid('MinimumThroughput', 100, (number) => number >= 2),
    breakMs: valid('BreakDuration', 5000, (ms) => ms > 500),
    failureRatio: group.has('FailureRatio')
      ? valid('FailureRatio', 0.5, (ratio) => ratio > 0 && ratio <= 1)
      : undefined,
    samplingMs: valid('SamplingDuration', 10_000, (ms) => ms > 500),
  };
}

type NumberKey = 'MinimumThroughput' | 'BreakDuration' | 'FailureRatio' | 'SamplingDuration';

function isActive(group: QualityGroup): boolean {
  return (['MinimumThroughput', 'Timeout', 'FailureRatio'] as const).some(
    (key) => (group.values[key] ?? 0) > 0,
  );
}

/** `candidates`: seconds of the route, of the global options; 0 or less counts as absent. */
export function readTimeout(
  group: QualityGroup | undefined,
  candidates: readonly (number | undefined)[],
): { readonly timeoutMs: number; readonly qosTimeout: boolean } {
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
