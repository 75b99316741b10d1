/**
 * Finds durable effects in TypeScript sources, and the crash points around them, without a parser: strings and
 * comments are blanked, named functions are found by their braces, and what is left is read as plain text.
 */
export interface Effect {
  readonly file: string;
  /** The innermost named function that it stands in. */
  readonly within: string;
  /** What is done: `db.transaction`, `provider.charge`, `db.query INSERT`. */
  readonly what: string;
  readonly line: number;
  /** A crash point in that function before it, or inside: what is handed over runs before the commit. */
  readonly before: boolean;
  readonly after: boolean;
}

/** Where an effect is made by somebody else's function, by the text of the call. */
export interface EffectCalls {
  /** Operations of the package's stores: `.change` matches `deps.store.change(`, `claimDue` a function of that name. */
  readonly operations: ReadonlySet<string>;
  /** Calls that leave the process, as they stand in the code. */
  readonly outgoing: RegExp;
}

interface Scope {
  readonly name: string;
  readonly start: number;
  readonly end: number;
}

/** Our functions in the database write, too. */
const WRITE = /\b(INSERT INTO|UPDATE|DELETE FROM|SELECT\b[^(]*\b(?:outbox|inbox|bus)[_.]\w+\()/;

/** Every effect of a file, in the order of the text. */
export function findEffects(file: string, text: string, calls: EffectCalls): readonly Effect[] {
  const code = blank(text);
  const scopes = findScopes(code);
  const points = [...code.matchAll(/\bcrashPoint\(/g)].map((found) => found.index);
  return findCalls(text, code, calls).map(({ at, what }) => {
    const scope = innermost(scopes, at);
    const own = points.filter((point) => scope !== undefined && innermost(scopes, point) === scope);
    const end = closing(code, code.indexOf('(', at));
    return {
      file,
      within: scope?.name ?? '',
      what,
      line: text.slice(0, at).split('\n').length,
      before: own.some((point) => point < end),
      after: own.some((point) => point > end),
    };
  });
}

/**
 * The functions of a store that write by themselves, outside of a transaction of their caller: `.change` for a method,
 * `claimDue` for a function that is exported.
 */
export function writingOperations(text: string): readonly string[] {
  const code = blank(text);
  const scopes = findScopes(code);
  const calls = { operations: new Set<string>(), outgoing: /(?!)/g };
  const named = findCalls(text, code, calls).map(({ at }) => innermost(scopes, at)?.name ?? '');
  return [...new Set(named)]
    .filter((name) => name !== '' && !name.startsWith('create'))
    .map((name) => (new RegExp(`export (?:async )?function ${name}\\b`).test(code) ? name : `.${name}`));
}

function findCalls(
  text: string,
  code: string,
  { operations, outgoing }: EffectCalls,
): readonly { readonly at: number; readonly what: string }[] {
  const transactions = [...code.matchAll(/\b[\w.]+\.transaction\(/g)];
  const operated = [...code.matchAll(/\b([\w.]*)\b(\.|\b)(\w+)\(/g)].filter(([whole]) =>
    operations.has(whole.slice(Math.max(0, whole.lastIndexOf('.')), -1)),
  );
  const declared = (at: number) => /(?:function|async)\s+$/.test(code.slice(Math.max(0, at - 20), at));
  const left = [...code.matchAll(outgoing)];
  const named = [...transactions, ...operated, ...left]
    .filter(({ index }) => !declared(index))
    .map((found) => ({ at: found.index, what: shorten(found[0]) }));
  const written = [...code.matchAll(/\b(?:deps\.)?db\.query(?:<[^(]*>)?\(/g)].flatMap(({ index }) => {
    const sql = sqlOf(text, code, index);
    const verb = WRITE.exec(sql)?.[1];
    return verb === undefined ? [] : [{ at: index, what: `db.query ${verb.split(/\s/)[0]}` }];
  });
  const unique = new Map([...named, ...written].map((call) => [call.at, call]));
  return [...unique.values()].sort((a, b) => a.at - b.at);
}

/** `deps.store.change(` → `store.change` */
function shorten(call: string): string {
  return call
    .replace(/[?.]*\($/, '')
    .split('.')
    .slice(-2)
    .join('.');
}

/** The statement of a query: what stands in the call, or the constant of this file that it names. */
function sqlOf(text: string, code: string, at: number): string {
  const open = code.indexOf('(', at);
  const inside = text.slice(open + 1, closing(code, open));
  const constant = /^\s*([A-Z][A-Z_]*)\b/.exec(inside)?.[1];
  if (constant === undefined) return inside;
  const declared = new RegExp(`const ${constant}\\b[^=]*=\\s*`).exec(text);
  if (!declared) return inside;
  const start = declared.index + declared[0].length;
  return text.slice(start, text.indexOf(';', start));
}

function innermost(scopes: readonly Scope[], at: number): Scope | undefined {
  return scopes.filter(({ start, end }) => start <= at && at < end).sort((a, b) => b.start - a.start)[0];
}

/** Functions with a name: declared, or an arrow that a property or a constant is set to. */
function findScopes(code: string): readonly Scope[] {
  const declared = [...code.matchAll(/\bfunction (\w+)(?=[<(])/g)].map((found) => {
    const parameters = closing(code, code.indexOf('(', found.index));
    const body = code.indexOf('{', returnType(code, parameters));
    return { name: found[1] ?? '', start: found.index, end: closing(code, body) };
  });
  const arrows = [...code.matchAll(/\b(\w+)(?:: | = )(?:async )?(?:<[^>(]*>)?\(/g)].flatMap((found) => {
    const parameters = closing(code, found.index + found[0].length - 1);
    const arrow = /^(?:: [^;=]+?)? =>\s*/.exec(code.slice(parameters + 1, parameters + 300));
    if (!arrow) return [];
    const body = parameters + 1 + arrow[0].length;
    const end = code[body] === '{' ? closing(code, body) : endOfExpression(code, body);
    return [{ name: found[1] ?? '', start: found.index, end }];
  });
  return [...declared, ...arrows];
}

/** Where the body of a function may begin: behind a return type that has braces of its own. */
function returnType(code: string, parameters: number): number {
  const typed = /^\): (?:Promise<)?\{/.exec(code.slice(parameters, parameters + 20));
  return typed ? closing(code, parameters + typed[0].length - 1) : parameters;
}

const PAIRS: Readonly<Record<string, string>> = { '(': ')', '{': '}', '[': ']' };

/** The place of the bracket that closes the one at `open`. */
function closing(code: string, open: number): number {
  const opens = code[open] ?? '';
  const closes = PAIRS[opens] ?? '';
  let depth = 0;
  for (let at = open; at < code.length; at += 1) {
    if (code[at] === opens) depth += 1;
    if (code[at] === closes) depth -= 1;
    if (depth === 0) return at;
  }
  return code.length;
}

function endOfExpression(code: string, start: number): number {
  for (let at = start; at < code.length; at += 1) {
    const char = code[at] ?? '';
    if (char in PAIRS) at = closing(code, at);
    else if (',;)}]'.includes(char)) return at;
  }
  return code.length;
}

/** The text with spaces for comments and for what stands in strings; every place stays where it is. */
function blank(text: string): string {
  return text.replaceAll(
    /\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`/g,
    (found) => found.replaceAll(/[^\n]/g, ' '),
  );
}
