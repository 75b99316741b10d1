import { definePolicy } from '../../grammar/policy.ts';
import type { ConfigObject, SectionShape } from '../../grammar/shape.ts';

/** What the gateway does when it has more work than it can do. */
export interface OverloadConfig {
  /** Requests in flight in one process; above it the lowest priority goes first. `Infinity` = off. */
  readonly maxInFlight: number;
  /** Delay of the event loop (ms, median of a window) from which on low priorities are shed. `Infinity` = off. */
  readonly maxLoopDelayMs: number;
}

export type LoadPriority = 'critical' | 'normal' | 'low';

/** Of `GlobalConfiguration`. */
export const OVERLOAD = {
  MaxRequestsInFlight: { type: 'integer', minimum: 1, own: true, doc: 'Absent = no limit.' },
  MaxLoopDelay: {
    type: 'integer',
    minimum: 1,
    own: true,
    doc: 'Delay of the event loop from which on requests are refused, ms; absent = off.',
  },
} as const satisfies SectionShape;

export function readOverload(object: ConfigObject<typeof OVERLOAD> | undefined): OverloadConfig {
  return {
    maxInFlight: object?.values.MaxRequestsInFlight ?? Number.POSITIVE_INFINITY,
    maxLoopDelayMs: object?.values.MaxLoopDelay ?? Number.POSITIVE_INFINITY,
  };
}

const LOAD_PRIORITIES = { Critical: 'critical', Normal: 'normal', Low: 'low' } as const;

export const loadPriority = definePolicy({
  keys: {
    LoadPriority: {
      type: 'string',
      oneOf: ['Critical', 'Normal', 'Low'],
      default: 'Normal',
      own: true,
      doc: 'Under overload the lowest is refused first.',
    },
  },
  read: ({ own, global }): { readonly loadPriority: LoadPriority } => ({
    loadPriority: LOAD_PRIORITIES[own?.values.LoadPriority ?? global?.values.LoadPriority ?? 'Normal'],
  }),
});
