import { compilePattern, PLACEHOLDER } from './pattern.ts';

/** Text with its placeholders filled in. */
export type Compose = (values: ReadonlyMap<string, string>) => string;

const NOT_IN_PATHS = /[^\x21-\x7e]|["<>\\^`{|}#?]/gu;
const NOT_IN_QUERIES = /[^\x21-\x7e]|["<>\\#]/gu;
/** What would end a segment, or is no escape. */
const NOT_IN_A_SEGMENT = /[^\x21-\x7e]|["<>\\^`{|}#?/[\]]|%(?![0-9A-Fa-f]{2})/gu;
/** What would end a value of a parameter or mean something else there. */
const NOT_IN_A_VALUE = /[&=#+?]/g;

/**
 * Compiles a template for the path or for one parameter of the query. Literal text that a URL cannot carry is
 * escaped. Values of the names in `ownNames` (those that come from the same place of the request) go in as
 * they are, all others so that they stay within their segment or parameter. A name without a value stays as written.
 */
export function compileText(text: string, place: 'path' | 'query', ownNames: ReadonlySet<string>): Compose {
  const { literals, names } = compilePattern(text.toWellFormed(), PLACEHOLDER);
  const notInLiterals = place === 'path' ? NOT_IN_PATHS : NOT_IN_QUERIES;
  const notInValues = place === 'path' ? NOT_IN_A_SEGMENT : NOT_IN_A_VALUE;
  const fixed = literals.map((literal) => escapeAll(literal, notInLiterals));
  const holes = names.map((name) => ({
    name,
    written: escapeAll(`{${name}}`, NOT_IN_PATHS),
    isOwn: ownNames.has(name),
  }));

  return (values) => {
    let filled = fixed[0] ?? '';
    for (let index = 0; index < holes.length; index += 1) {
      const { name = '', written = '', isOwn = false } = holes[index] ?? {};
      const value = values.get(name);
      if (value === undefined) filled += written;
      else filled += isOwn ? value : escapeAll(value, notInValues);
      filled += fixed[index + 1] ?? '';
    }
    return filled;
  };
}

function escapeAll(text: string, characters: RegExp): string {
  return text.replace(characters, (character) => encodeURIComponent(character));
}
