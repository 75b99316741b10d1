import {
  ANY_LENGTH,
  capture,
  compilePattern,
  isLone,
  lowerPattern,
  type Pattern,
  PLACEHOLDER,
} from './pattern.ts';

/** The query of a template. Its text is in lower case unless case counts. */
export interface QueryTemplate {
  readonly caseSensitive: boolean;
  /** Parameters that must come first, in this order; further ones may follow. */
  readonly parameters: readonly Pattern[];
  /** Placeholder for whatever follows them. */
  readonly rest: string | undefined;
}

/** `text` without its `?`. A placeholder alone at the end stands for the rest. */
export function compileQuery(text: string, caseSensitive: boolean): QueryTemplate {
  const patterns = text
    .split('&')
    .filter((parameter) => parameter !== '')
    .map((parameter) => compilePattern(parameter, PLACEHOLDER));
  const last = patterns.at(-1);
  const rest = last !== undefined && isLone(last) ? last.names[0] : undefined;
  const parameters = rest === undefined ? patterns : patterns.slice(0, -1);
  return { caseSensitive, parameters: caseSensitive ? parameters : parameters.map(lowerPattern), rest };
}

/** `query` has its `?` or is empty. */
export function matchQuery(
  { caseSensitive, parameters, rest }: QueryTemplate,
  query: string,
  values: Map<string, string>,
): boolean {
  if (parameters.length > 0 && query === '') return false;
  const compared = caseSensitive || parameters.length === 0 ? query : query.toLowerCase();
  let position = 1;
  for (const parameter of parameters) {
    if (position > query.length) return false;
    const ampersand = query.indexOf('&', position);
    const end = ampersand === -1 ? query.length : ampersand;
    if (!capture(parameter, compared, query, position, end, ANY_LENGTH, values)) return false;
    position = end + 1;
  }
  // Alone it names the whole query, which travels by itself.
  if (rest !== undefined) values.set(rest, parameters.length === 0 ? '' : query.slice(position));
  return true;
}
