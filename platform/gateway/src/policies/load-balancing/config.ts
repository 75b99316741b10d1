import { didYouMean } from '@flotilla/kernel';
import { type Group, joinGroup, ROUTE_KEYS } from '../../grammar/group.ts';
import { definePolicy } from '../../grammar/policy.ts';
import { listed, type Names } from '../../grammar/registered.ts';
import { positive } from '../../grammar/scalars.ts';
import type { SectionShape } from '../../grammar/shape.ts';

export type BalancerConfig =
  | { readonly type: 'NoLoadBalancer' | 'RoundRobin' | 'LeastConnection' | 'PowerOfTwoChoices' | 'Weighted' }
  /** A load balancer registered in code. */
  | { readonly type: 'Registered'; readonly name: string }
  | { readonly type: 'CookieStickySessions'; readonly cookie: string; readonly expiryMs: number }
  /** Instances of the same zone first, others when none of them is usable. */
  | { readonly type: 'ZoneAware'; readonly zone: string };

const BALANCERS = [
  'NoLoadBalancer',
  'RoundRobin',
  'LeastConnection',
  'PowerOfTwoChoices',
  'Weighted',
] as const;
const ALL_BALANCERS = [...BALANCERS, 'CookieStickySessions', 'ZoneAware'] as const;
const DEFAULT_COOKIE = '.AspNetCore.Session';
const DEFAULT_EXPIRY_MS = 1_200_000;

const BALANCER = {
  Type: {
    type: 'string',
    default: 'NoLoadBalancer',
    doc: `${ALL_BALANCERS.join(', ')}, or one registered in code.`,
  },
  Key: { type: 'string', default: DEFAULT_COOKIE, doc: 'Cookie of `CookieStickySessions`.' },
  Expiry: {
    type: 'integer',
    default: DEFAULT_EXPIRY_MS,
    doc: 'How long after its last use a session is kept, ms; 0 or less = the default.',
  },
  Zone: { type: 'string', own: true, doc: 'The zone of this gateway, for `ZoneAware`.' },
  ...ROUTE_KEYS,
} as const satisfies SectionShape;

export const loadBalancing = definePolicy({
  keys: {
    LoadBalancerOptions: { type: 'object', shape: BALANCER, doc: 'Which instance gets a request.' },
  },
  read: ({ own, global, owner, context }) => ({
    balancer: readBalancer(
      joinGroup(own?.values.LoadBalancerOptions, global?.values.LoadBalancerOptions, owner.key),
      context.balancers,
    ),
  }),
});

function readBalancer(
  group: Group<typeof BALANCER> | undefined,
  registered: Names | undefined,
): BalancerConfig {
  const wanted = group?.values.Type || NO_BALANCER.type;
  if (listed(registered).includes(wanted)) return { type: 'Registered', name: wanted };
  const type = ALL_BALANCERS.find((known) => known.toLowerCase() === wanted.toLowerCase());
  if (type === 'CookieStickySessions')
    return {
      type,
      cookie: group?.values.Key || DEFAULT_COOKIE,
      expiryMs: positive(group?.values.Expiry) ?? DEFAULT_EXPIRY_MS,
    };
  if (type === 'ZoneAware') {
    const zone = group?.values.Zone ?? '';
    if (zone === '') group?.error('Zone', 'ZoneAware needs the zone of this gateway');
    return { type, zone };
  }
  if (type === NO_BALANCER.type) return NO_BALANCER;
  if (type !== undefined) return { type };
  if (registered === 'any') return { type: 'Registered', name: wanted };
  const suggestion = didYouMean(wanted, [...ALL_BALANCERS, ...listed(registered)]);
  const hint = suggestion ? `, did you mean ${suggestion}?` : `, there are ${ALL_BALANCERS.join(', ')}`;
  group?.error('Type', `${wanted} is no load balancer${hint}`);
  return NO_BALANCER;
}

const NO_BALANCER = { type: 'NoLoadBalancer' } as const satisfies BalancerConfig;
