import { type Group, joinGroup, ROUTE_KEYS } from '../../grammar/group.ts';
import { definePolicy } from '../../grammar/policy.ts';
import type { SectionShape } from '../../grammar/shape.ts';

export interface HealthConfig {
  readonly active:
    | {
        readonly path: string;
        readonly intervalMs: number;
        readonly timeoutMs: number;
        readonly healthyAfter: number;
        readonly unhealthyAfter: number;
      }
    | undefined;
  readonly passive:
    | {
        readonly consecutiveFailures: number;
        readonly ejectionMs: number;
        readonly maxEjectedPercent: number;
      }
    | undefined;
}

const ACTIVE_HEALTH = {
  Path: { type: 'string', required: true, own: true, doc: 'Asked by GET; 2xx and 3xx are healthy.' },
  Interval: { type: 'integer', minimum: 100, default: 10_000, own: true, doc: 'ms' },
  Timeout: { type: 'integer', minimum: 1, default: 2000, own: true, doc: 'ms' },
  HealthyAfter: { type: 'integer', minimum: 1, default: 1, own: true, doc: 'Good answers in a row.' },
  UnhealthyAfter: { type: 'integer', minimum: 1, default: 2, own: true, doc: 'Failures in a row.' },
} as const satisfies SectionShape;

const PASSIVE_HEALTH = {
  ConsecutiveFailures: {
    type: 'integer',
    minimum: 0,
    default: 5,
    own: true,
    doc: 'Failed requests in a row that eject an instance; 0 = off.',
  },
  EjectionTime: { type: 'integer', minimum: 1, default: 10_000, own: true, doc: 'ms' },
  MaxEjectedPercent: {
    type: 'integer',
    minimum: 0,
    maximum: 100,
    default: 50,
    own: true,
    doc: 'Share of the instances that may be ejected at a time.',
  },
} as const satisfies SectionShape;

const HEALTH = {
  Active: { type: 'object', shape: ACTIVE_HEALTH, own: true, doc: 'Asks each instance; absent = off.' },
  Passive: { type: 'object', shape: PASSIVE_HEALTH, own: true, doc: 'Learns from requests; on by default.' },
  ...ROUTE_KEYS,
} as const satisfies SectionShape;

export const healthCheck = definePolicy({
  keys: {
    HealthCheckOptions: { type: 'object', shape: HEALTH, own: true, doc: 'Which instances are usable.' },
  },
  read: ({ own, global, owner }) => ({
    health: readHealth(
      joinGroup(own?.values.HealthCheckOptions, global?.values.HealthCheckOptions, owner.key),
    ),
  }),
});

const DEFAULT_HEALTH = {
  active: undefined,
  passive: { consecutiveFailures: 5, ejectionMs: 10_000, maxEjectedPercent: 50 },
} as const satisfies HealthConfig;

function readHealth(group: Group<typeof HEALTH> | undefined): HealthConfig {
  if (group === undefined) return DEFAULT_HEALTH;
  const { Active: active, Passive: passive } = group.values;
  const defaults = DEFAULT_HEALTH.passive;
  const path = active?.values.Path ?? '';
  if (active !== undefined && !path.startsWith('/')) active.error('Path', 'must start with a slash');
  const consecutiveFailures = passive?.values.ConsecutiveFailures ?? defaults.consecutiveFailures;
  return {
    active: active && {
      path,
      intervalMs: active.values.Interval ?? 10_000,
      timeoutMs: active.values.Timeout ?? 2000,
      healthyAfter: active.values.HealthyAfter ?? 1,
      unhealthyAfter: active.values.UnhealthyAfter ?? 2,
    },
    passive:
      consecutiveFailures === 0
        ? undefined
        : {
            consecutiveFailures,
            ejectionMs: passive?.values.EjectionTime ?? defaults.ejectionMs,
            maxEjectedPercent: passive?.values.MaxEjectedPercent ?? defaults.maxEjectedPercent,
          },
  };
}
