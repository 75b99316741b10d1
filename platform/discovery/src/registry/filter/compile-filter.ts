import { type Expression, parseFilter } from './parse-filter.ts';
import { FilterError } from './tokens.ts';

/** What may be selected: a value of each kind that there is. `{ '*': … }` has any key. */
export type Sample = string | number | boolean | readonly Sample[] | { readonly [name: string]: Sample };

/** Longer is no filter. */
const MAX_LENGTH = 4_096;

/**
 * A predicate over entries that look like the sample. Throws `FilterError` when the expression cannot be read or selects
 * what no entry has: an empty list must not be taken for "nothing matches".
 */
export function compileFilter(text: string, sample: Sample): (entry: unknown) => boolean {
  if (text.length > MAX_LENGTH) throw new FilterError(`it is longer than ${MAX_LENGTH} characters`);
  return compile(parseFilter(text), sample);
}

function compile(expression: Expression, sample: Sample): (entry: unknown) => boolean {
  switch (expression.kind) {
    case 'and': {
      const [left, right] = [compile(expression.left, sample), compile(expression.right, sample)];
      return (entry) => left(entry) && right(entry);
    }
    case 'or': {
      const [left, right] = [compile(expression.left, sample), compile(expression.right, sample)];
      return (entry) => left(entry) || right(entry);
    }
    case 'not': {
      const operand = compile(expression.operand, sample);
      return (entry) => !operand(entry);
    }
    case 'match':
      return compileMatch(expression, sample);
  }
}

type Match = Extract<Expression, { kind: 'match' }>;

function compileMatch(match: Match, sample: Sample): (entry: unknown) => boolean {
  const { selector, operator } = match;
  const test = compileTest(match, kindAt(sample, selector));
  const isNegated = operator.startsWith('not-');
  return (entry) => valuesAt(entry, selector).some(test) !== isNegated;
}

/** Whether a value passes the operator without its `not`. */
function compileTest({ selector, operator, value }: Match, kind: Sample): (value: unknown) => boolean {
  const isMany = typeof kind === 'object';
  switch (operator) {
    case 'empty':
    case 'not-empty':
      if (!isMany && typeof kind !== 'string') throw misfit(operator, selector);
      return isEmpty;
    case 'in':
    case 'not-in':
      if (typeof kind === 'number' || typeof kind === 'boolean') throw misfit(operator, selector);
      return (found) => contains(found, value);
    case 'matches':
    case 'not-matches': {
      if (typeof kind !== 'string') throw misfit(operator, selector);
      const pattern = toPattern(value);
      return (found) => typeof found === 'string' && pattern.test(found);
    }
    default: {
      if (isMany) throw misfit(operator, selector);
      const wanted = coerce(value, kind);
      return (found) => found === wanted;
    }
  }
}

function misfit(operator: string, selector: readonly string[]): FilterError {
  return new FilterError(`${operator} does not fit ${selector.join('.')}`);
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === '') return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}

/** An element of a list, a key of a map, a part of a text. */
function contains(found: unknown, value: string): boolean {
  if (typeof found === 'string' || Array.isArray(found)) return found.includes(value);
  return typeof found === 'object' && found !== null && Object.hasOwn(found, value);
}

function coerce(value: string, kind: Sample): Sample {
  if (typeof kind === 'string') return value;
  if (typeof kind === 'boolean' && (value === 'true' || value === 'false')) return value === 'true';
  if (typeof kind === 'number' && /^-?\d+(?:\.\d+)?$/.test(value)) return Number(value);
  throw new FilterError(`${JSON.stringify(value)} is no ${typeof kind}`);
}

/** Nothing that takes exponential time: repetitions of groups that repeat themselves are refused. */
function toPattern(text: string): RegExp {
  if (/[*+}]\)[*+{?]/.test(text)) throw new FilterError('a repeated group must not repeat itself');
  try {
    return new RegExp(text, 'u');
  } catch (error) {
    throw new FilterError(`${JSON.stringify(text)} is no regular expression`, { cause: error });
  }
}

/** The kind of what the selector finds. A name looks through a list at its elements. */
function kindAt(sample: Sample, selector: readonly string[]): Sample {
  let at = sample;
  for (const name of selector) {
    const holder = Array.isArray(at) && !/^\d+$/.test(name) ? ((at as readonly Sample[])[0] ?? '') : at;
    if (typeof holder !== 'object') throw unknownField(selector);
    const fields = holder as Readonly<Record<string, Sample>>;
    const next = Object.hasOwn(fields, name) ? fields[name] : fields['*'];
    if (next === undefined) throw unknownField(selector);
    at = next;
  }
  return at;
}

function unknownField(selector: readonly string[]): FilterError {
  return new FilterError(`Selector ${JSON.stringify(selector.join('.'))} is not valid`);
}

function valuesAt(entry: unknown, selector: readonly string[]): readonly unknown[] {
  let found: readonly unknown[] = [entry];
  for (const [depth, name] of selector.entries()) {
    const isLast = depth === selector.length - 1;
    found = found.flatMap((one) => (Array.isArray(one) ? one : [one])).map((one) => fieldOf(one, name));
    if (!isLast) found = found.filter((one) => one !== undefined);
  }
  // An absent key of a map is no value, but for the question whether it is empty it is.
  return found.length === 0 ? [undefined] : found;
}

function fieldOf(holder: unknown, name: string): unknown {
  if (typeof holder !== 'object' || holder === null || !Object.hasOwn(holder, name)) return undefined;
  return (holder as Readonly<Record<string, unknown>>)[name];
}
