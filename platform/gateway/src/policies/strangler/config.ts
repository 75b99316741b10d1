import { readTarget, TARGET } from '../../config/backend.ts';
import { type Group, ROUTE_KEYS } from '../../grammar/group.ts';
import type { SectionShape } from '../../grammar/shape.ts';
import { checkTemplate } from '../../templates/check-template.ts';
import type { StranglerConfig } from './options.ts';

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

export const STRANGLER = {
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

export function readStrangler(
  group: Group<typeof STRANGLER> | undefined,
  context: { readonly defaultScheme: 'http' | 'https'; readonly hasDiscovery: boolean },
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
  const { target, scheme } = readTarget(side, context);
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
