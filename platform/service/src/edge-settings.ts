import { createValidator, type Schema } from '@flotilla/kernel';
import * as s from '@flotilla/kernel/schema';
import { ConfigurationError } from '@flotilla/process';
import type { EdgeSettings } from '@flotilla/resilience';

const ms = () => s.optional(s.integer({ minimum: 0, maximum: 86_400_000 }));
const count = () => s.optional(s.integer({ minimum: 1, maximum: 1_000_000 }));
const number = (minimum: number, maximum?: number): Schema<number> => ({
  ...{ type: 'number', minimum },
  ...(maximum !== undefined && { maximum }),
});
const percent = () => s.optional(number(0, 100));
const share = () => s.optional(number(0, 1));

/** How a service is called. */
export interface CallSettings extends EdgeSettings {
  /**
   * In whose name a call for a user shows itself: `pass-on` sends the user's token beside this service's own, `exchange` has the issuer
   * make one of both, for this callee alone. Default `pass-on`.
   */
  readonly userToken?: 'pass-on' | 'exchange';
}

/** `false` leaves a policy out. */
const orOff = (keys: Parameters<typeof s.object>[0]) =>
  s.optional<unknown>({ anyOf: [{ const: false }, s.object(keys)] });

/** What `calls` of a service in `flotilla.config.ts` may say: `userToken`, and the same names as the options of `policy`. */
const SETTINGS: Schema<unknown> = s.record(
  s.object({
    userToken: s.optional(s.oneOf(['pass-on', 'exchange'])),
    deadlineMs: ms(),
    attemptMs: ms(),
    retry: orOff({
      attempts: count(),
      unsentAttempts: count(),
      baseMs: ms(),
      maxMs: ms(),
      budgetPercent: percent(),
    }),
    breaker: orOff({
      consecutiveFailures: count(),
      failureRatio: share(),
      minimumCalls: count(),
      windowMs: ms(),
      openMs: ms(),
      openJitter: share(),
      trials: count(),
      rampMs: ms(),
      slowMs: ms(),
    }),
    bulkhead: orOff({ maxConcurrent: count(), maxQueued: ms(), maxWaitMs: ms() }),
    adaptive: orOff({ initial: count(), min: count(), max: count(), tolerance: s.optional(number(1)) }),
    hedge: orOff({ percent: percent(), quantile: share(), minimumSamples: count(), minimumMs: ms() }),
    rate: orOff({ perSecond: number(0.001), burst: count() }),
    ejection: orOff({ consecutiveFailures: count(), ejectionMs: ms(), maxEjectedPercent: percent() }),
  }),
);

/** Reads `FLOTILLA_EDGES`: JSON, by the name of the service that is called. Throws `ConfigurationError`. */
export function readEdgeSettings(text: string | undefined): Readonly<Record<string, CallSettings>> {
  if (text === undefined) return {};
  const result = createValidator(SETTINGS)(parse(text));
  // The schema says what the type says, key by key.
  if (result.ok) return result.value as Readonly<Record<string, CallSettings>>;
  throw new ConfigurationError(
    result.rejection.map(({ path, message }) => `FLOTILLA_EDGES${path} ${message}`),
  );
}

/** What of the settings `@flotilla/resilience` knows. */
export function policiesOf(
  calls: Readonly<Record<string, CallSettings>>,
): Readonly<Record<string, EdgeSettings>> {
  return Object.fromEntries(
    Object.entries(calls).map(([callee, { userToken: _notAPolicy, ...policies }]) => [callee, policies]),
  );
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new ConfigurationError(['FLOTILLA_EDGES is not JSON']);
  }
}
