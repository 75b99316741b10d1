export class FilterError extends Error {}

interface Token {
  readonly kind: 'word' | 'text' | 'sign' | 'end';
  readonly text: string;
}

/** The words and signs of a filter, with the place that is read next. */
export interface Tokens {
  /** The next one, or one further on; at the end `{ kind: 'end' }`. */
  peek(ahead?: number): Token;
  isWord(word: string, ahead?: number): boolean;
  isSign(sign: string): boolean;
  /** Goes on by one when `isThere`, and says whether it did. */
  skip(isThere: boolean): boolean;
  advance(count: number): void;
  fail(wanted: string): never;
}

const TOKEN = /\s*(?:("(?:[^"\\]|\\.)*")|(`[^`]*`)|(==|!=|\(|\)|\[|\]|\.)|([^\s"`()[\].=!]+))/y;

/** Throws `FilterError` for what is neither word, text nor sign. */
export function readTokens(text: string): Tokens {
  const tokens = tokenize(text);
  let position = 0;
  const peek = (ahead = 0): Token => tokens[position + ahead] ?? { kind: 'end', text: '' };
  return {
    peek,
    isWord: (word, ahead = 0) => peek(ahead).kind === 'word' && peek(ahead).text === word,
    isSign: (sign) => peek().kind === 'sign' && peek().text === sign,
    skip: (isThere) => {
      if (isThere) position += 1;
      return isThere;
    },
    advance: (count) => {
      position += count;
    },
    fail: (wanted) => {
      throw new FilterError(`${wanted} was expected, not ${JSON.stringify(peek().text || 'the end')}`);
    },
  };
}

function tokenize(text: string): readonly Token[] {
  const tokens: Token[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.trimEnd().length) {
    const at = TOKEN.lastIndex;
    const [, quoted, raw, sign, word] = TOKEN.exec(text) ?? [];
    if (quoted !== undefined) tokens.push({ kind: 'text', text: unquote(quoted) });
    else if (raw !== undefined) tokens.push({ kind: 'text', text: raw.slice(1, -1) });
    else if (sign !== undefined) tokens.push({ kind: 'sign', text: sign });
    else if (word !== undefined) tokens.push({ kind: 'word', text: word });
    else throw new FilterError(`nothing can be made of ${JSON.stringify(text.slice(at, at + 20))}`);
  }
  return tokens;
}

function unquote(quoted: string): string {
  try {
    return JSON.parse(quoted) as string; // the pattern has found a quoted text
  } catch {
    throw new FilterError(`${quoted} is no text`);
  }
}
