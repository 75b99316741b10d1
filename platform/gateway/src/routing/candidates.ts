import type { AggregateConfig } from '../aggregates/options.ts';
import type { GatewayConfig, RouteConfig } from '../config/model.ts';
import { compileHeaderTemplates, type HeaderMatcher } from './header-templates.ts';
import { isLone, type Pattern } from './pattern.ts';
import { compileTemplate, type Template } from './template.ts';

/** What can be found for a request: a route or an aggregate, ready for matching. */
export interface Candidate {
  readonly found:
    | { readonly kind: 'route'; readonly route: RouteConfig }
    | { readonly kind: 'aggregate'; readonly aggregate: AggregateConfig };
  readonly match: RouteConfig | AggregateConfig;
  readonly template: Template;
  readonly headers: HeaderMatcher | undefined;
  /** Place in the order of trying, from 0. */
  readonly rank: number;
  /** Place in the file: aggregates come after all routes. */
  readonly position: number;
}

/**
 * All candidates in the order of trying: those with a host first, since one of them is taken whatever the
 * priority of the others; then by priority; then, if wanted, by specificity; then by place in the file.
 */
export function orderCandidates(config: GatewayConfig): readonly Candidate[] {
  const all = [
    ...config.routes.map((route) => ({ found: { kind: 'route', route } as const, match: route })),
    ...config.aggregates.map((aggregate) => ({
      found: { kind: 'aggregate', aggregate } as const,
      match: aggregate,
    })),
  ].map((one, position) => ({
    ...one,
    position,
    template: compileTemplate(one.match.name, one.match),
    headers: compileHeaderTemplates(one.match.headerTemplates, one.match.caseSensitive),
  }));
  const bySpecificity = config.routeOrder === 'specificity';
  return all
    .sort(
      (one, other) =>
        Number(other.match.upstreamHost !== undefined) - Number(one.match.upstreamHost !== undefined) ||
        other.match.priority - one.match.priority ||
        (bySpecificity ? compareSpecificity(one, other) : 0) ||
        one.position - other.position,
    )
    .map((candidate, rank) => ({ ...candidate, rank }));
}

type Specific = Pick<Candidate, 'template' | 'match'>;

/** Negative = `one` is the more specific: segment by segment, then the longer text, then more conditions. */
function compareSpecificity(one: Specific, other: Specific): number {
  const mine = weights(one.template);
  const theirs = weights(other.template);
  for (let index = 0; index < Math.max(mine.length, theirs.length); index += 1) {
    const difference = (theirs[index] ?? ENDS) - (mine[index] ?? ENDS);
    if (difference !== 0) return difference;
  }
  return textLength(other.template) - textLength(one.template) || conditions(other) - conditions(one);
}

// `/a` is more specific than `/a/{rest}` for the path they share.
const REST = 0;
const ENDS = 1;
const LONE_PLACEHOLDER = 2;
const TEXT_WITH_PLACEHOLDER = 3;
const TEXT = 4;

function weights({ segments, rest }: Template): readonly number[] {
  const weigh = (segment: Pattern) => {
    if (segment.names.length === 0) return TEXT;
    return isLone(segment) ? LONE_PLACEHOLDER : TEXT_WITH_PLACEHOLDER;
  };
  if (rest === undefined) return segments.map(weigh);
  return [...segments.map(weigh), isLone(rest) ? REST : TEXT_WITH_PLACEHOLDER];
}

function textLength({ segments, rest }: Template): number {
  const patterns = rest === undefined ? segments : [...segments, rest];
  return patterns.flatMap(({ literals }) => literals).reduce((sum, { length }) => sum + length, 0);
}

function conditions({ template, match }: Specific): number {
  return (
    (template.query?.parameters.length ?? 0) + match.headerTemplates.size + (match.methods.length > 0 ? 1 : 0)
  );
}
