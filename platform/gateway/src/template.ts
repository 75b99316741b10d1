/** A compiled path template such as `/orders/{id}` or `/orders/{everything}`. */
export interface Template {
  /** As written. */
  readonly source: string;
  /** Is it the lone catch-all `/{x}`? */
  readonly matchesEverything: boolean;
  /** The values of the placeholders, raw, or `undefined` when the path does not match. */
  match(path: string): ReadonlyMap<string, string> | undefined;
}

type Part = { readonly kind: 'literal'; readonly text: string } | Placeholder;

interface Placeholder {
  readonly kind: 'placeholder';
  readonly name: string;
  readonly mayBeEmpty: boolean;
  readonly crossesSlashes: boolean;
}

const PLACEHOLDER = /\{([^{}]*)\}/g;

export function placeholdersOf(template: string): readonly string[] {
  return [...template.matchAll(PLACEHOLDER)].map(([, name = '']) => name);
}

/**
 * Compiles a template without turning its text into a regular expression: literals stand for themselves.
 * A placeholder with a later slash takes one or more characters but no slash; one without takes also nothing,
 * and the last one any text. Where a split is not unique the earlier takes as much as it can.
 */
export function compileTemplate(
  source: string,
  { caseSensitive }: { readonly caseSensitive: boolean },
): Template {
  const parts = parseParts(source);
  const shorter = withoutTail(parts);
  return {
    source,
    matchesEverything: /^\/\{[^{}]*\}$/.test(source),
    match: (path) => {
      const values = new Map<string, string>();
      if (matchFrom({ parts, path, caseSensitive, values }, 0, 0)) return values;
      if (shorter === undefined) return undefined;
      values.clear();
      if (!matchFrom({ parts: shorter.parts, path, caseSensitive, values }, 0, 0)) return undefined;
      if (shorter.emptyName !== undefined) values.set(shorter.emptyName, '');
      return values;
    },
  };
}

function parseParts(source: string): readonly Part[] {
  const parts: Part[] = [];
  let position = 0;
  for (const match of source.matchAll(PLACEHOLDER)) {
    if (match.index > position) parts.push({ kind: 'literal', text: source.slice(position, match.index) });
    position = match.index + match[0].length;
    const mayBeEmpty = !source.includes('/', position);
    const crossesSlashes = mayBeEmpty && !source.includes('{', position);
    parts.push({ kind: 'placeholder', name: match[1] ?? '', mayBeEmpty, crossesSlashes });
  }
  if (position < source.length) parts.push({ kind: 'literal', text: source.slice(position) });
  return parts;
}

/**
 * What else the template stands for: `/orders/{rest}` is also `/orders`, and `/orders/` is too. `undefined`
 * when the end is not optional.
 */
function withoutTail(
  parts: readonly Part[],
): { readonly parts: readonly Part[]; readonly emptyName: string | undefined } | undefined {
  const last = parts.at(-1);
  const placeholder = last?.kind === 'placeholder' ? last : undefined;
  const kept = placeholder ? parts.slice(0, -1) : parts;
  const end = kept.at(-1);
  if (end?.kind !== 'literal' || !end.text.endsWith('/')) return undefined;
  const text = end.text.slice(0, -1);
  if (text === '' && kept.length === 1) return undefined; // `/` and `/{x}` have no shorter form
  const shortened: readonly Part[] = text === '' ? [] : [{ kind: 'literal', text }];
  return { parts: [...kept.slice(0, -1), ...shortened], emptyName: placeholder?.name };
}

interface Matching {
  readonly parts: readonly Part[];
  readonly path: string;
  readonly caseSensitive: boolean;
  readonly values: Map<string, string>;
}

/** Depth-first, longest placeholder values first. */
function matchFrom(matching: Matching, index: number, position: number): boolean {
  const { parts, path, values } = matching;
  const part = parts[index];
  if (part === undefined) return position === path.length;
  if (part.kind === 'literal') {
    if (!hasLiteral(matching, part.text, position)) return false;
    return matchFrom(matching, index + 1, position + part.text.length);
  }
  const slash = part.crossesSlashes ? -1 : path.indexOf('/', position);
  const longest = slash === -1 ? path.length : slash;
  const isLast = index === parts.length - 1;
  const shortest = isLast ? longest : position;
  for (let end = longest; end >= shortest; end -= 1) {
    if (end === position && !part.mayBeEmpty) return false;
    if (!matchFrom(matching, index + 1, end)) continue;
    values.set(part.name, path.slice(position, end));
    return true;
  }
  return false;
}

function hasLiteral({ path, caseSensitive }: Matching, text: string, position: number): boolean {
  if (path.startsWith(text, position)) return true;
  if (caseSensitive) return false;
  const slice = path.slice(position, position + text.length);
  return slice.length === text.length && slice.toLowerCase() === text.toLowerCase();
}
