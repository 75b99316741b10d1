/**
 * Parses JSON as configuration files of .NET are written: with `//` and block comments, commas before a
 * closing bracket and a byte order mark. Throws `SyntaxError` for everything else.
 */
export function parseRelaxedJson(text: string): unknown {
  const bare = text.replace(/^\uFEFF/, '');
  try {
    return JSON.parse(bare) as unknown;
  } catch {
    return JSON.parse(toStrictJson(bare)) as unknown; // what is wrong with it, too, is told without comments
  }
}

// A string, a comment, or a comma with nothing but blanks and comments before the closing bracket.
const TOKEN =
  /"(?:[^"\\]|\\.)*"|\/\/[^\n]*|\/\*[\s\S]*?\*\/|,(?=(?:\s|\/\/[^\n]*(?:\n|$)|\/\*[\s\S]*?\*\/)*[}\]])/g;

/** Blanks take the place of what is not JSON, so that positions in messages stay right. */
function toStrictJson(text: string): string {
  return text.replace(TOKEN, (token) => (token.startsWith('"') ? token : token.replace(/[^\n]/g, ' ')));
}
