import type { AggregateConfig, GatewayConfig, RouteConfig } from '../model.ts';
import { compileHeaderTemplates, type HeaderMatcher } from '../templates/header-templates.ts';
import { isLone, type Pattern } from '../templates/pattern.ts';
import { compileTemplate, type Template } from '../templates/template.ts';
import { compileHost, type HostMatcher } from './host-matcher.ts';

/** What can be found for a request: a route or an aggregate, ready for matching. */
export interface Candidate {
  readonly found:
    | { readonly kind: 'route'; readonly route: RouteConfig }
    | { readonly kind: 'aggregate'; readonly aggregate: AggregateConfig };
  readonly match: RouteConfig | AggregateConfig;
  readonly template: Template;
  readonly headers: HeaderMatcher | undefined;
  readonly host: HostMatcher | undefined;
  /** Place in the order of trying, from 0. */
  readonly rank: number;
  /** Place in the file: aggregates come after all routes. */
  readonly position: number;
}

/**
 * All candidates in the order of trying: those with a host first, the closest before the others, since one of them is taken whatever
 * the priority of the others; then by priority; then, if wanted, by specificity; then by place in the file.
 */
export function orderCandidates(config: GatewayConfig): readonly Candidate[] {
  const { routes, aggregates, strict } = config;
  const all = [
    ...routes.map((route, place) => compile(route, { kind: 'route', route }, place, strict)),
    ...aggregates.map((aggregate, place) =>
      compile(aggregate, { kind: 'aggregate', aggregate }, routes.length + place, strict),
    ),
  ];
  const compareWanted = config.routeOrder === 'specificity' ? bySpecificity(all) : () => 0;
  all.sort(
    (one, other) =>
      byHost(one, other) ||
      other.match.priority - one.match.priority ||
      compareWanted(one, other) ||
      one.position - other.position,
  );
  for (const [rank, candidate] of all.entries()) candidate.rank = rank;
  return all;
}

interface Unranked extends Candidate {
  rank: number;
}

function byHost({ host: one }: Candidate, { host: other }: Candidate): number {
  const [mine, theirs] = [one?.closeness ?? 0, other?.closeness ?? 0];
  return mine === theirs ? 0 : theirs - mine;
}

function compile(
  match: Candidate['match'],
  found: Candidate['found'],
  position: number,
  strict: boolean,
): Unranked {
  return {
    found,
    match,
    template: compileTemplate(match.name, match),
    headers: compileHeaderTemplates(match.headerTemplates, match.caseSensitive),
    host: compileHost(match.upstreamHost, strict),
    rank: 0,
    position,
  };
}

function bySpecificity(all: readonly Candidate[]): (one: Candidate, other: Candidate) => number {
  const known = new Map(all.map((candidate) => [candidate, specificityOf(candidate)]));
  return (one, other) => compareSpecificity(known.get(one) ?? NONE, known.get(other) ?? NONE);
}

interface Specificity {
  readonly weights: readonly number[];
  readonly textLength: number;
  readonly conditions: number;
}

const NONE: Specificity = { weights: [], textLength: 0, conditions: 0 };

function specificityOf({ template, match }: Candidate): Specificity {
  return {
    weights: weights(template),
    textLength: textLength(template),
    conditions: conditions({ template, match }),
  };
}

/** Negative = `one` is the more specific: segment by segment, then the longer text, then more conditions. */
function compareSpecificity(one: Specificity, other: Specificity): number {
  for (let index = 0; index < Math.max(one.weights.length, other.weights.length); index += 1) {
    const difference = (other.weights[index] ?? ENDS) - (one.weights[index] ?? ENDS);
    if (difference !== 0) return difference;
  }
  return other.textLength - one.textLength || other.conditions - one.conditions;
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

function conditions({ template, match }: Pick<Candidate, 'template' | 'match'>): number {
  return (
    (template.query?.parameters.length ?? 0) + match.headerTemplates.size + (match.methods.length > 0 ? 1 : 0)
  );
}
