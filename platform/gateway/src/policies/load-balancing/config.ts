import { didYouMean } from '@flotilla/kernel';
import { type Group, joinGroup, ROUTE_KEYS } from '../../grammar/group.ts';
import { definePolicy } from '../../grammar/policy.ts';
import { listed, type Names } from '../../grammar/registered.ts';
import { positive } from '../../grammar/scalars.ts';
import type { SectionShape } from '../../grammar/shape.ts';
import { isToken } from '../../wire/rules/characters.ts';

export type BalancerConfig =
  | { readonly type: 'NoLoadBalancer' | 'RoundRobin' | 'LeastConnection' | 'PowerOfTwoChoices' | 'Weighted' }
  /** A load balancer registered in code. */
  | { readonly type: 'Registered'; readonly name: string }
  | { readonly type: 'CookieStickySessions'; readonly cookie: string; readonly expiryMs: number }
  | {
      /** By a cookie of the gateway's own. */
      readonly type: 'StickyCookie';
      readonly cookie: string;
      /** Without it a value says nothing of an instance. */
      readonly secret: string;
      readonly path: string;
      readonly sameSite: 'Lax' | 'Strict' | 'None';
      /** `undefined` = as long as the browser runs. */
      readonly maxAgeSeconds: number | undefined;
      readonly isAlwaysSecure: boolean;
    }
  /** Instances of the same zone first, others when none of them is usable. */
  | { readonly type: 'ZoneAware'; readonly zone: string };

const BALANCERS = [
  'NoLoadBalancer',
  'RoundRobin',
  'LeastConnection',
  'PowerOfTwoChoices',
  'Weighted',
] as const;
const ALL_BALANCERS = [...BALANCERS, 'CookieStickySessions', 'StickyCookie', 'ZoneAware'] as const;
const DEFAULT_COOKIE = '.AspNetCore.Session';
const DEFAULT_EXPIRY_MS = 1_200_000;
const DEFAULT_OWN_COOKIE = 'flotilla-sticky';
const MIN_SECRET_BYTES = 16;

const BALANCER = {
  Type: {
    type: 'string',
    default: 'NoLoadBalancer',
    doc: `${ALL_BALANCERS.join(', ')}, or one registered in code.`,
  },
  Key: {
    type: 'string',
    default: DEFAULT_COOKIE,
    doc: `Cookie of \`CookieStickySessions\`; of \`StickyCookie\` the default is \`${DEFAULT_OWN_COOKIE}\`.`,
  },
  Expiry: {
    type: 'integer',
    default: DEFAULT_EXPIRY_MS,
    doc: 'How long after its last use a session is kept, ms; 0 or less = the default. Of `StickyCookie` how long after it was given; absent = as long as the browser runs.',
  },
  CookieSecret: {
    type: 'string',
    own: true,
    doc: 'Required for `StickyCookie`, 16 bytes or more, the same in all gateways, best from the environment. Without it nobody can tell what a value stands for.',
  },
  CookiePath: { type: 'string', default: '/', own: true, doc: 'Of `StickyCookie`.' },
  CookieSameSite: {
    type: 'string',
    oneOf: ['Lax', 'Strict', 'None'],
    default: 'Lax',
    own: true,
    doc: 'Of `StickyCookie`; with `None` it is always `Secure`.',
  },
  CookieSecure: {
    type: 'boolean',
    own: true,
    doc: 'Of `StickyCookie`: `Secure` in any case. Absent: for requests that came over TLS, here or at a trusted proxy.',
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
  if (type === 'StickyCookie') return readStickyCookie(group);
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

function readStickyCookie(group: Group<typeof BALANCER> | undefined): BalancerConfig {
  const { Key, CookieSecret: secret = '', CookiePath: path = '/', CookieSecure } = group?.values ?? {};
  const sameSite = group?.values.CookieSameSite ?? 'Lax';
  const cookie = Key || DEFAULT_OWN_COOKIE;
  if (Buffer.byteLength(secret) < MIN_SECRET_BYTES)
    group?.error('CookieSecret', `StickyCookie needs one of ${MIN_SECRET_BYTES} bytes or more`);
  if (!isToken(cookie)) group?.error('Key', `${cookie} is no name of a cookie`);
  if (!/^\/[\x21-\x3a\x3c-\x7e]*$/.test(path)) group?.error('CookiePath', `${path} is no path`);
  const expiryMs = positive(group?.values.Expiry);
  return {
    type: 'StickyCookie',
    ...{ cookie, secret, path, sameSite },
    maxAgeSeconds: expiryMs === undefined ? undefined : Math.ceil(expiryMs / 1_000),
    isAlwaysSecure: CookieSecure === true || sameSite === 'None',
  };
}

const NO_BALANCER = { type: 'NoLoadBalancer' } as const satisfies BalancerConfig;
