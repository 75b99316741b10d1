import { type Group, joinGroup, ROUTE_KEYS } from '../../grammar/group.ts';
import { definePolicy } from '../../grammar/policy.ts';
import type { SectionShape } from '../../grammar/shape.ts';
import { checkTemplate } from '../../templates/check-template.ts';
import { type DownstreamTarget, readTarget, TARGET } from '../target/config.ts';

/** Two implementations of one route while one replaces the other. */
export interface StranglerConfig {
  readonly mode: 'legacy' | 'new' | 'new-with-fallback' | 'legacy-with-fallback' | 'split' | 'shadow';
  /** The new side; the route's own target is the legacy one. */
  readonly target: DownstreamTarget;
  readonly scheme: 'http' | 'https';
  readonly pathTemplate: string | undefined;
  /** Of requests that go to the new side (`split`) or are copied to it (`shadow`), 0 … 100. */
  readonly percent: number;
  /** What keeps one user on one side: a header or claim, else the client's address. */
  readonly stickyBy:
    | { readonly kind: 'header' | 'claim'; readonly name: string }
    | { readonly kind: 'address' };
  /** Statuses of the first side that make the other one response. Failures always do. */
  readonly fallbackStatuses: readonly number[];
  /** Dotted paths in JSON answers and header names that shadow comparison leaves out. */
  readonly ignore: readonly string[];
}

const NEW_SIDE = {
  ...TARGET,
  DownstreamPathTemplate: { type: 'string', own: true, doc: "Default: the route's own." },
} as const satisfies SectionShape;

const MODES = {
  Legacy: 'legacy',
  New: 'new',
  NewWithFallback: 'new-with-fallback',
  LegacyWithFallback: 'legacy-with-fallback',
  Split: 'split',
  Shadow: 'shadow',
} as const;

const STRANGLER = {
  Mode: {
    type: 'string',
    oneOf: ['Legacy', 'New', 'NewWithFallback', 'LegacyWithFallback', 'Split', 'Shadow'],
    default: 'Legacy',
    own: true,
    doc: 'Which side answers; `Split`: a share of the requests, `Shadow`: the legacy one, the new one gets a copy.',
  },
  New: {
    type: 'object',
    shape: NEW_SIDE,
    required: true,
    own: true,
    doc: 'The new side; the route is the legacy one.',
  },
  Percent: {
    type: 'number',
    minimum: 0,
    maximum: 100,
    default: 0,
    own: true,
    doc: 'Share of requests for the new side (`Split`) or copied to it (`Shadow`, default 100).',
  },
  StickyBy: {
    type: 'string',
    own: true,
    doc: '`Header:<name>` or `Claim:<type>`: what keeps a user on one side; absent = the address.',
  },
  FallbackStatuses: {
    type: 'integers',
    own: true,
    doc: 'Statuses that make the other side answer; failures always do.',
  },
  IgnoreInComparison: {
    type: 'strings',
    own: true,
    doc: 'Headers and dotted paths of JSON bodies that `Shadow` does not compare.',
  },
  ...ROUTE_KEYS,
} as const satisfies SectionShape;

/** Of static routes. */
export const strangler = definePolicy({
  keys: {
    StranglerOptions: {
      type: 'object',
      shape: STRANGLER,
      own: true,
      doc: 'An old and a new implementation.',
    },
  },
  read: ({ own, global, owner, context }) => ({
    strangler: readStrangler(
      joinGroup(own?.values.StranglerOptions, global?.values.StranglerOptions, owner.key),
      context.hasDiscovery,
    ),
  }),
});

function readStrangler(
  group: Group<typeof STRANGLER> | undefined,
  hasDiscovery: boolean,
): StranglerConfig | undefined {
  if (group === undefined) return undefined;
  const side = group.values.New;
  if (side === undefined) {
    group.error('New', 'must say where the new side is');
    return undefined;
  }
  const pathTemplate = side.values.DownstreamPathTemplate;
  if (pathTemplate !== undefined)
    for (const problem of checkTemplate('Downstream', pathTemplate))
      side.error('DownstreamPathTemplate', problem);
  const mode = MODES[group.values.Mode ?? 'Legacy'];
  const { target, scheme } = readTarget(side, { defaultScheme: 'http', hasDiscovery });
  return {
    mode,
    target,
    scheme,
    pathTemplate,
    percent: group.values.Percent ?? (mode === 'shadow' ? 100 : 0),
    stickyBy: readStickyBy(group),
    fallbackStatuses: group.values.FallbackStatuses ?? [],
    ignore: group.values.IgnoreInComparison ?? [],
  };
}

function readStickyBy(group: Group<typeof STRANGLER>): StranglerConfig['stickyBy'] {
  const text = group.values.StickyBy;
  if (text === undefined) return { kind: 'address' };
  const [, kind = '', name = ''] = /^(header|claim):(.+)$/i.exec(text) ?? [];
  if (kind === '') group.error('StickyBy', `must be Header:<name> or Claim:<type>, not ${text}`);
  return kind.toLowerCase() === 'claim'
    ? { kind: 'claim', name }
    : { kind: 'header', name: name.toLowerCase() };
}
