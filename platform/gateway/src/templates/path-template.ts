import { capture, compilePattern, isLone, lowerPattern, type Pattern, PLACEHOLDER } from './pattern.ts';

/** The path of a template. Its text is in lower case unless case counts. */
export interface PathTemplate {
  /** Segments that stand for exactly one segment of the path each. */
  readonly segments: readonly Pattern[];
  /** The last segment when its last placeholder takes any text, slashes included. */
  readonly rest: Pattern | undefined;
  /** Does the path match with one more slash at its end, too? */
  readonly optionalSlash: boolean;
}

const SLASH = 47;
const NOT_IN_PATHS = /[^\x21-\x7e]|["<>\\^`{|}#]/gu;
/** A placeholder with a later slash or query stands for something. */
const NOT_EMPTY = { least: 1, limit: Number.POSITIVE_INFINITY } as const;

/** With a query behind it no placeholder spans segments, and a slash at the end means nothing. */
export function compilePath(
  path: string,
  { caseSensitive, hasQuery }: { readonly caseSensitive: boolean; readonly hasQuery: boolean },
): PathTemplate {
  const texts = path.slice(1).split('/');
  const endsWithSlash = texts.at(-1) === '';
  if (endsWithSlash) texts.pop();
  const patterns = texts.map((text) => compileSegment(text, caseSensitive));
  const last = patterns.at(-1);
  const optionalSlash = hasQuery || endsWithSlash;
  return optionalSlash || last === undefined || last.names.length === 0
    ? { segments: patterns, rest: undefined, optionalSlash }
    : { segments: patterns.slice(0, -1), rest: last, optionalSlash };
}

/** What a URL cannot carry as it is stands for its escape: `/café` is what clients send as `/caf%C3%A9`. */
function compileSegment(text: string, caseSensitive: boolean): Pattern {
  const { literals, names } = compilePattern(text.toWellFormed(), PLACEHOLDER);
  const escaped = literals.map((literal) => literal.replace(NOT_IN_PATHS, (one) => encodeURIComponent(one)));
  const pattern = { literals: escaped, names };
  return caseSensitive ? pattern : lowerPattern(pattern);
}

/** `compared` is the path as the template's text is: in lower case unless case counts. */
export function matchPath(
  { segments, rest, optionalSlash }: PathTemplate,
  path: string,
  compared: string,
  values: Map<string, string>,
): boolean {
  let position = 0;
  for (const segment of segments) {
    if (compared.charCodeAt(position) !== SLASH) return false;
    const end = segmentEnd(compared, position);
    if (!capture(segment, compared, path, position + 1, end, NOT_EMPTY, values)) return false;
    position = end;
  }
  if (rest !== undefined) return matchRest(rest, path, compared, position, values);
  if (position === path.length) return position > 0;
  return optionalSlash && position === path.length - 1;
}

/** `/orders/{rest}` is also `/orders`. */
function matchRest(
  rest: Pattern,
  path: string,
  compared: string,
  position: number,
  values: Map<string, string>,
): boolean {
  if (position === path.length) {
    if (!isLone(rest)) return false;
    values.set(rest.names[0] ?? '', '');
    return true;
  }
  const limit = segmentEnd(compared, position);
  return capture(rest, compared, path, position + 1, path.length, { least: 0, limit }, values);
}

/** Where the segment ends that begins behind the slash at `position`. */
function segmentEnd(path: string, position: number): number {
  const slash = path.indexOf('/', position + 1);
  return slash === -1 ? path.length : slash;
}
