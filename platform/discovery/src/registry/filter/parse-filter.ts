import { FilterError, readTokens, type Tokens } from './tokens.ts';

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

/**
 * Reads an expression of Consul's filter language: `Service.Meta.version == "2" and not ("v1" in Service.Tags)`. Throws
 * `FilterError`.
 */
export function parseFilter(text: string): Expression {
  const tokens = readTokens(text);
  const expression = parseOr(tokens, 0);
  if (tokens.peek().kind !== 'end') tokens.fail('"and", "or" or the end');
  return expression;
}

function parseOr(tokens: Tokens, depth: number): Expression {
  const left = parseAnd(tokens, depth);
  const isMore = tokens.skip(tokens.isWord('or'));
  return isMore ? { kind: 'or', left, right: parseOr(tokens, depth) } : left;
}

function parseAnd(tokens: Tokens, depth: number): Expression {
  const left = parseNot(tokens, depth);
  const isMore = tokens.skip(tokens.isWord('and'));
  return isMore ? { kind: 'and', left, right: parseAnd(tokens, depth) } : left;
}

function parseNot(tokens: Tokens, depth: number): Expression {
  if (depth >= MAX_DEPTH) throw new FilterError('the expression is nested too deeply');
  const isNegated = tokens.skip(tokens.isWord('not'));
  return isNegated ? { kind: 'not', operand: parseNot(tokens, depth + 1) } : parseTerm(tokens, depth + 1);
}

function parseTerm(tokens: Tokens, depth: number): Expression {
  if (!tokens.skip(tokens.isSign('('))) return parseMatch(tokens);
  const inner = parseOr(tokens, depth);
  if (!tokens.skip(tokens.isSign(')'))) tokens.fail('a closing parenthesis');
  return inner;
}

/** `value in Selector`, or `Selector operator value`. */
function parseMatch(tokens: Tokens): Expression {
  if (tokens.isWord('in', 1) || (tokens.isWord('not', 1) && tokens.isWord('in', 2))) {
    const value = parseValue(tokens);
    const operator = tokens.skip(tokens.isWord('not')) ? 'not-in' : 'in';
    tokens.advance(1);
    return { kind: 'match', selector: parseSelector(tokens), operator, value };
  }
  const selector = parseSelector(tokens);
  const operator = parseOperator(tokens);
  const isAlone = operator === 'empty' || operator === 'not-empty';
  return { kind: 'match', selector, operator, value: isAlone ? '' : parseValue(tokens) };
}

function parseOperator({ peek, advance, fail }: Tokens): Operator {
  const found = OPERATORS.find(([words]) =>
    words.every((word, ahead) => peek(ahead).kind !== 'text' && peek(ahead).text === word),
  );
  if (found === undefined) return fail('an operator');
  advance(found[0].length);
  return found[1];
}

function parseName({ peek, advance, fail }: Tokens): string {
  const { kind, text } = peek();
  if (kind !== 'word') fail('the name of a field');
  advance(1);
  return text;
}

function parseSelector(tokens: Tokens): readonly string[] {
  const { isSign, skip } = tokens;
  const names = [parseName(tokens)];
  while (isSign('.') || isSign('[')) names.push(skip(isSign('.')) ? parseName(tokens) : parseKey(tokens));
  return names;
}

function parseKey(tokens: Tokens): string {
  tokens.advance(1);
  const key = parseValue(tokens);
  if (!tokens.skip(tokens.isSign(']'))) tokens.fail('a closing bracket');
  return key;
}

/** A word may have dots, as in numbers and versions. */
function parseValue({ peek, isSign, advance, fail }: Tokens): string {
  const { kind, text } = peek();
  if (kind !== 'word' && kind !== 'text') fail('a value');
  advance(1);
  let whole = text;
  while (kind === 'word' && isSign('.') && peek(1).kind === 'word') {
    whole += `.${peek(1).text}`;
    advance(2);
  }
  return whole;
}
