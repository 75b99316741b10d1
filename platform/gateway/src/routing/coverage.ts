import type { Pattern } from '../templates/pattern.ts';
import { isLone } from '../templates/pattern.ts';
import type { Candidate } from './candidates.ts';

type Matching = Pick<Candidate, 'match' | 'template'>;

/**
 * Does `one` match every request that `other` matches? `true` is certain; `false` may only mean that it could
 * not be shown.
 */
export function covers(one: Matching, other: Matching): boolean {
  return (
    coversMethods(one.match.methods, other.match.methods) &&
    (one.match.upstreamHost === undefined || one.match.upstreamHost === other.match.upstreamHost) &&
    coversHeaders(one, other) &&
    coversPath(one, other) &&
    coversQuery(one, other)
  );
}

function coversMethods(one: readonly string[], other: readonly string[]): boolean {
  return one.length === 0 || (other.length > 0 && other.every((method) => one.includes(method)));
}

function coversHeaders({ match: one }: Matching, { match: other }: Matching): boolean {
  if (one.headerTemplates.size === 0) return true;
  if (one.caseSensitive && !other.caseSensitive) return false;
  const theirs = new Map([...other.headerTemplates].map(([name, value]) => [name.toLowerCase(), value]));
  return [...one.headerTemplates].every(([name, value]) => theirs.get(name.toLowerCase()) === value);
}

function coversPath(one: Matching, other: Matching): boolean {
  const mine = one.template;
  const theirs = other.template;
  const same = (mine_: Pattern, their: Pattern) => isSame(mine_, their, one, other);
  const prefix = mine.segments.every((segment, index) => {
    const their = theirs.segments[index];
    return their !== undefined && (isLone(segment) || same(segment, their));
  });
  if (!prefix) return false;
  if (mine.rest !== undefined) {
    if (isLone(mine.rest)) return true;
    const hasNoMore = theirs.segments.length === mine.segments.length;
    return hasNoMore && theirs.rest !== undefined && same(mine.rest, theirs.rest);
  }
  if (theirs.rest !== undefined || theirs.segments.length !== mine.segments.length) return false;
  return mine.optionalSlash || !theirs.optionalSlash;
}

/** The same text around the placeholders, whatever their names. */
function isSame(one: Pattern, other: Pattern, mine: Matching, theirs: Matching): boolean {
  if (mine.match.caseSensitive && !theirs.match.caseSensitive) return false;
  const fold = (text: string) => (mine.match.caseSensitive ? text : text.toLowerCase());
  return (
    one.literals.length === other.literals.length &&
    one.literals.every((literal, index) => fold(literal) === fold(other.literals[index] ?? ''))
  );
}

function coversQuery(one: Matching, other: Matching): boolean {
  const mine = one.template.query;
  if (mine === undefined || mine.parameters.length === 0) return true;
  const theirs = other.template.query?.parameters ?? [];
  return mine.parameters.every((parameter, index) => {
    const their = theirs[index];
    return their !== undefined && isSame(parameter, their, one, other);
  });
}
