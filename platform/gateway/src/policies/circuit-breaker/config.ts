import { type Group, joinGroup, ROUTE_KEYS } from '../../grammar/group.ts';
import { definePolicy } from '../../grammar/policy.ts';
import type { SectionShape } from '../../grammar/shape.ts';

export interface BreakerConfig {
  readonly route: string;
  readonly minimumThroughput: number;
  readonly breakMs: number;
  /** `undefined` = count mode: so many consecutive failures. */
  readonly failureRatio: number | undefined;
  readonly samplingMs: number;
}

const QUALITY = {
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

export type QualityGroup = Group<typeof QUALITY>;

export const circuitBreaker = definePolicy({
  keys: {
    QoSOptions: { type: 'object', shape: QUALITY, doc: 'Circuit breaker and timeout; absent = off.' },
  },
  read: ({ own, global, owner }) => ({
    breaker: readBreaker(joinGroup(own?.values.QoSOptions, global?.values.QoSOptions, owner.key), owner.name),
  }),
});

/** `undefined` = no circuit breaker. Values out of range are replaced, as Ocelot does, with a warning. */
function readBreaker(group: QualityGroup | undefined, route: string): BreakerConfig | undefined {
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
