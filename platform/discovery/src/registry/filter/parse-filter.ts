/** A filter expression as a tree. */
export type Expression =
  | { readonly kind: 'and' | 'or'; readonly left: Expression; readonly right: Expression }
  | { readonly kind: 'not'; readonly operand: Expression }
  | {
      readonly kind: 'match';
      readonly selector: readonly string[];
      readonly operator: Operator;
      readonly value: string;
    };

export type Operator =
  | 'equal'
  | 'not-equal'
  | 'in'
  | 'not-in'
  | 'empty'
  | 'not-empty'
  | 'matches'
  | 'not-matches';

export class FilterError extends Error {}

interface Token {
  readonly kind: 'word' | 'text' | 'sign' | 'end';
  readonly text: string;
}

/** A filter nests no deeper: it is parsed by recursion. */
const MAX_DEPTH = 64;
const OPERATORS: readonly (readonly [words: readonly string[], operator: Operator])[] = [
  [['=='], 'equal'],
  [['!='], 'not-equal'],
  [['contains'], 'in'],
  [['not', 'contains'], 'not-in'],
  [['matches'], 'matches'],
  [['not', 'matches'], 'not-matches'],
  [['is', 'empty'], 'empty'],
  [['is', 'not', 'empty'], 'not-empty'],
];
const TOKEN = /\s*(?:("(?:[^"\\]|\\.)*")|(`[^`]*`)|(==|!=|\(|\)|\[|\]|\.)|([^\s"`()[\].=!]+))/y;

/**
 * Reads an expression of Consul's filter language: `Service.Meta.version == "2" and not ("v1" in Service.Tags)`. Throws
 * `FilterError`.
 */
export function parseFilter(text: string): Expression {
  const tokens = tokenize(text);
  let position = 0;
  let depth = 0;

  const peek = (ahead = 0): Token => tokens[position + ahead] ?? { kind: 'end', text: '' };
  const isWord = (word: string, ahead = 0) => peek(ahead).kind === 'word' && peek(ahead).text === word;
  const isSign = (sign: string) => peek().kind === 'sign' && peek().text === sign;

  function fail(wanted: string): never {
    throw new FilterError(`${wanted} was expected, not ${JSON.stringify(peek().text || 'the end')}`);
  }

  function skip(isThere: boolean): boolean {
    if (isThere) position += 1;
    return isThere;
  }

  function parseOr(): Expression {
    const left = parseAnd();
    return skip(isWord('or')) ? { kind: 'or', left, right: parseOr() } : left;
  }

  function parseAnd(): Expression {
    const left = parseNot();
    return skip(isWord('and')) ? { kind: 'and', left, right: parseAnd() } : left;
  }

  function parseNot(): Expression {
    depth += 1;
    if (depth > MAX_DEPTH) throw new FilterError('the expression is nested too deeply');
    const parsed: Expression = skip(isWord('not')) ? { kind: 'not', operand: parseNot() } : parseTerm();
    depth -= 1;
    return parsed;
  }

  function parseTerm(): Expression {
    if (!skip(isSign('('))) return parseMatch();
    const inner = parseOr();
    if (!skip(isSign(')'))) fail('a closing parenthesis');
    return inner;
  }

  /** `value in Selector`, or `Selector operator value`. */
  function parseMatch(): Expression {
    if (isWord('in', 1) || (isWord('not', 1) && isWord('in', 2))) {
      const value = parseValue();
      const operator = skip(isWord('not')) ? 'not-in' : 'in';
      position += 1;
      return { kind: 'match', selector: parseSelector(), operator, value };
    }
    const selector = parseSelector();
    const operator = parseOperator();
    const isAlone = operator === 'empty' || operator === 'not-empty';
    return { kind: 'match', selector, operator, value: isAlone ? '' : parseValue() };
  }

  function parseOperator(): Operator {
    const found = OPERATORS.find(([words]) =>
      words.every((word, ahead) => peek(ahead).kind !== 'text' && peek(ahead).text === word),
    );
    if (found === undefined) return fail('an operator');
    position += found[0].length;
    return found[1];
  }

  function parseName(): string {
    if (peek().kind !== 'word') fail('the name of a field');
    position += 1;
    return tokens[position - 1]?.text ?? '';
  }

  function parseSelector(): readonly string[] {
    const names = [parseName()];
    while (isSign('.') || isSign('[')) names.push(skip(isSign('.')) ? parseName() : parseKey());
    return names;
  }

  function parseKey(): string {
    position += 1;
    const key = parseValue();
    if (!skip(isSign(']'))) fail('a closing bracket');
    return key;
  }

  /** A word may have dots, as in numbers and versions. */
  function parseValue(): string {
    const { kind, text: value } = peek();
    if (kind !== 'word' && kind !== 'text') fail('a value');
    position += 1;
    let whole = value;
    while (kind === 'word' && isSign('.') && peek(1).kind === 'word') {
      whole += `.${peek(1).text}`;
      position += 2;
    }
    return whole;
  }

  const expression = parseOr();
  if (peek().kind !== 'end') fail('"and", "or" or the end');
  return expression;
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
