import type { Target } from './http/target.ts';
import type { RouteMatch } from './route-table.ts';

/** Path and query for the back end: the template filled in, the query without what placeholders took. */
export function downstreamPath({ route, values }: RouteMatch, target: Target): string {
  const filled = route.downstreamTemplate.replace(
    /\{([^{}]*)\}/g,
    (written, name: string) => values.get(name) ?? written,
  );
  const path =
    filled.endsWith('/') && !target.path.endsWith('/') ? filled.replace(/\/+$/, '') || '/' : filled;
  return escapeLiterals(path) + remainingQuery(target.query, values);
}

/** Literal text of a template may hold what a URL cannot carry; values are escaped already. */
function escapeLiterals(path: string): string {
  return /^[\x21-\x7e]*$/.test(path) && !/["<>\\^`{|}#]/.test(path)
    ? path
    : path.replace(/[^\x21-\x7e]|["<>\\^`{|}#]/gu, (character) => encodeURIComponent(character));
}

function remainingQuery(query: string, values: ReadonlyMap<string, string>): string {
  if (query === '' || values.size === 0) return query;
  const taken = new Set([...values.keys()].map((name) => name.toLowerCase()));
  const kept = query
    .slice(1)
    .split('&')
    .filter((parameter) => !taken.has((parameter.split('=', 1)[0] ?? '').toLowerCase()));
  return kept.length === 0 ? '' : `?${kept.join('&')}`;
}
