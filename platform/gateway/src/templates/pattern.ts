/** Literal text with placeholders between: `literals` has one element more than `names`. */
export interface Pattern {
  readonly literals: readonly string[];
  readonly names: readonly string[];
}

export interface CaptureOptions {
  /** Least length of a placeholder's value. */
  readonly least: 0 | 1;
  /** Where values of all placeholders but the last must end. */
  readonly limit: number;
}

/** `{name}` */
export const PLACEHOLDER: RegExp = /\{([^{}]*)\}/g;

export const ANY_LENGTH: CaptureOptions = { least: 0, limit: Number.POSITIVE_INFINITY };

/** Splits a text at the placeholders that `placeholder` (global, begins with `{`, one group: the name) finds. */
export function compilePattern(text: string, placeholder: RegExp): Pattern {
  if (!text.includes('{')) return { literals: [text], names: [] };
  const literals: string[] = [];
  const names: string[] = [];
  let position = 0;
  for (let match = placeholder.exec(text); match !== null; match = placeholder.exec(text)) {
    literals.push(text.slice(position, match.index));
    names.push(match[1] ?? '');
    position = match.index + match[0].length;
  }
  literals.push(text.slice(position));
  return { literals, names };
}

/** The pattern for comparing with lower-cased text. */
export function lowerPattern({ literals, names }: Pattern): Pattern {
  return { literals: literals.map((literal) => literal.toLowerCase()), names };
}

/** Is it nothing but one placeholder? */
export function isLone({ literals, names }: Pattern): boolean {
  return names.length === 1 && literals[0] === '' && literals[1] === '';
}

/**
 * Does `compared` match from `start` to `end`? Values are taken from `source`, which has the same length (the
 * same text, not lower-cased). Where a split is not unique the earlier placeholder takes as much as it can:
 * literals are placed from the right, each as late as possible, so the time is linear for any text.
 * After `false` the contents of `values` mean nothing.
 */
export function capture(
  { literals, names }: Pattern,
  compared: string,
  source: string,
  start: number,
  end: number,
  { least, limit }: CaptureOptions,
  values: Map<string, string>,
): boolean {
  const first = literals[0] ?? '';
  const floor = start + first.length;
  if (floor > end || !compared.startsWith(first, start)) return false;
  if (names.length === 0) return floor === end;
  const last = literals[names.length] ?? '';
  let right = end - last.length;
  if (right < floor || !compared.startsWith(last, right)) return false;
  for (let index = names.length - 1; index > 0; index -= 1) {
    const literal = literals[index] ?? '';
    const isLast = index === names.length - 1;
    const latest = Math.min(right - least, isLast ? limit : right) - literal.length;
    const at = latest < floor ? -1 : compared.lastIndexOf(literal, latest);
    if (at < floor) return false;
    values.set(names[index] ?? '', source.slice(at + literal.length, right));
    right = at;
  }
  if (right - floor < least) return false;
  values.set(names[0] ?? '', source.slice(floor, right));
  return true;
}
