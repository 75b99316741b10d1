import { compilePath, matchPath, type PathTemplate } from './path-template.ts';
import { compilePattern, isLone, type Pattern, PLACEHOLDER } from './pattern.ts';
import { compileQuery, matchQuery, type QueryTemplate } from './query-template.ts';

/** A compiled upstream template such as `/orders/{id}`, `/orders/{everything}` or `/orders?day={day}`. */
export interface Template extends PathTemplate {
  /** As written. */
  readonly source: string;
  /** Is it the lone catch-all `/{x}`? */
  readonly matchesEverything: boolean;
  readonly query: QueryTemplate | undefined;
  /** Names of the placeholders in the path and in the query. */
  readonly pathNames: ReadonlySet<string>;
  readonly queryNames: ReadonlySet<string>;
  /**
   * The values of the placeholders, raw, or `undefined` when it does not match. `lower` is the path in lower
   * case; `query` has its `?` or is empty.
   */
  match(path: string, lower: string, query: string): Map<string, string> | undefined;
}

export function placeholdersOf(template: string): readonly string[] {
  return compilePattern(template, PLACEHOLDER).names;
}

/**
 * Compiles a template without turning its text into a regular expression: literals stand for themselves, in
 * any case unless `caseSensitive`. Matching takes time linear in the length of the request's target.
 */
export function compileTemplate(
  source: string,
  { caseSensitive }: { readonly caseSensitive: boolean },
): Template {
  const mark = source.indexOf('?');
  const query = mark === -1 ? undefined : compileQuery(source.slice(mark + 1), caseSensitive);
  const path = compilePath(mark === -1 ? source : source.slice(0, mark), {
    caseSensitive,
    hasQuery: query !== undefined,
  });
  return {
    ...path,
    source,
    matchesEverything:
      query === undefined && path.segments.length === 0 && path.rest !== undefined && isLone(path.rest),
    query,
    pathNames: namesOf(path.rest ? [...path.segments, path.rest] : path.segments),
    queryNames: namesOf(query?.parameters ?? [], query?.rest),
    match: (text, lower, queryText) => {
      const values = new Map<string, string>();
      if (!matchPath(path, text, caseSensitive ? text : lower, values)) return undefined;
      return query === undefined || matchQuery(query, queryText, values) ? values : undefined;
    },
  };
}

const NO_NAMES: ReadonlySet<string> = new Set<string>();

function namesOf(patterns: readonly Pattern[], more?: string): ReadonlySet<string> {
  if (patterns.length === 0 && more === undefined) return NO_NAMES;
  const names = patterns.flatMap((pattern) => pattern.names);
  return new Set(more === undefined ? names : [...names, more]);
}
