import { type Compose, compileText } from '../templates/fill.ts';
import {
  collapseRepeated,
  formatParameter,
  joinQuery,
  type Parameter,
  parametersOf,
} from '../templates/query.ts';
import { compileTemplate } from '../templates/template.ts';
import { badTarget, type Refusal } from '../wire/rules/refusal.ts';
import type { Target } from '../wire/rules/target.ts';

export interface DownstreamTemplates {
  /** Where the values come from: the route's upstream template, for a part of an aggregate the aggregate's. */
  readonly upstream: string;
  readonly downstream: string;
  readonly strict: boolean;
}

/**
 * Path and query for the back end. `values` are URL text; `overrides` are parameters in plain text that
 * replace those of the same name (compared without case) and come last.
 */
export type DownstreamUrl = (
  values: ReadonlyMap<string, string>,
  target: Target,
  overrides: ReadonlyMap<string, string>,
) => string | Refusal;

/** Refuses (400) what filled in would be a `.` or `..` segment: nothing may leave the part that the template names. */
export function compileDownstreamUrl({ upstream, downstream, strict }: DownstreamTemplates): DownstreamUrl {
  const { pathNames, queryNames, query } = compileTemplate(upstream, { caseSensitive: false });
  const mark = downstream.indexOf('?');
  const ownQuery = mark === -1 ? undefined : downstream.slice(mark + 1);
  const fillPath = compileText(mark === -1 ? downstream : downstream.slice(0, mark), 'path', pathNames);
  const fillQuery = (ownQuery ?? '')
    .split('&')
    // The rest of the query travels by itself.
    .filter((text) => text !== '' && (query?.rest === undefined || text !== `{${query.rest}}`))
    .map((text) => compileText(text, 'query', queryNames));

  function pathOf(values: ReadonlyMap<string, string>, target: Target): string {
    const filled = fillPath(values);
    const path = filled.startsWith('//') ? `/${withoutLeadingSlashes(filled)}` : filled;
    if (ownQuery !== undefined || !path.endsWith('/') || target.path.endsWith('/')) return path;
    return withoutTrailingSlashes(path);
  }

  function queryOf(values: ReadonlyMap<string, string>, target: Target): string {
    if (ownQuery !== undefined) return filledQuery(fillQuery, values, target, strict);
    if (target.query === '' || values.size === 0) return target.query;
    const taken = new Set<string>();
    for (const name of values.keys()) taken.add(name.toLowerCase());
    if (!mayName(target.query, taken)) return target.query;
    const kept = parametersOf(target.query).filter(({ name }) => !taken.has(name.toLowerCase()));
    return joinQuery(kept.map(({ text }) => text));
  }

  return (values, target, overrides) => {
    const path = pathOf(values, target);
    if (hasDotSegment(path)) return badTarget('a value would become a dot segment');
    const filled = queryOf(values, target);
    return path + (overrides.size === 0 ? filled : overridden(filled, overrides));
  };
}

/** For requests that keep their path (dynamic routes): only parameters are replaced. */
export function overridden(query: string, overrides: ReadonlyMap<string, string>): string {
  if (overrides.size === 0) return query;
  const replaced = new Set([...overrides.keys()].map((name) => name.toLowerCase()));
  const kept = parametersOf(query).filter(({ name }) => !replaced.has(name.toLowerCase()));
  return joinQuery([
    ...kept.map(({ text }) => text),
    ...[...overrides].map(([name, value]) => formatParameter(name, value)),
  ]);
}

/** The template's own parameters, then those of the request that no placeholder took and that are not there yet. */
function filledQuery(
  fillQuery: readonly Compose[],
  values: ReadonlyMap<string, string>,
  target: Target,
  strict: boolean,
): string {
  const own = fillQuery.map((fill) => fill(values)).filter((text) => text !== '');
  const ownNames = new Set(parametersOf(joinQuery(own)).map(({ name }) => name));
  const more = parametersOf(target.query).filter(({ name }) => !values.has(name) && !ownNames.has(name));
  const kept: readonly Parameter[] = strict ? collapseRepeated(more) : more;
  return joinQuery([...own, ...kept.map(({ text }) => text)]);
}

/** Could a parameter have one of these names (lower case)? Most queries have none, and stay as they are. */
function mayName(query: string, names: ReadonlySet<string>): boolean {
  if (query.includes('%') || query.includes('+')) return true;
  const lower = query.toLowerCase();
  for (const name of names) if (lower.includes(name)) return true;
  return false;
}

function withoutTrailingSlashes(path: string): string {
  let end = path.length;
  while (end > 1 && path[end - 1] === '/') end -= 1;
  return path.slice(0, end);
}

function withoutLeadingSlashes(path: string): string {
  let start = 0;
  while (path[start] === '/') start += 1;
  return path.slice(start);
}

/** Is a segment, before its `;` parameters, `.` or `..`, also escaped? */
function hasDotSegment(path: string): boolean {
  if (!path.includes('/.') && !/\/%2e/i.test(path)) return false;
  return path.split('/').some((segment) => {
    const [name = ''] = segment.replaceAll(/%2e/gi, '.').split(/;|%3b/i);
    return name === '.' || name === '..';
  });
}
