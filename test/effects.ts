import {
  type ArrowFunctionExpression,
  type BindingIdentifier,
  type CallExpression,
  type Expression,
  type Function as FunctionNode,
  type Node,
  type PropertyKey,
  parseSync,
  Visitor,
} from 'oxc-parser';

/** Finds durable effects in TypeScript sources, and the crash points around them. */
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

/** Where an effect is made by somebody else's function, by what is called. */
export interface EffectCalls {
  /** Operations of the package's stores: `.change` matches `deps.store.change(…)`, `claimDue` a function of that name. */
  readonly operations: ReadonlySet<string>;
  /** Calls that leave the process: matches `deps.provider.charge`. */
  readonly outgoing: RegExp;
}

/** A function with a name: declared, or one that a property or a constant is set to. */
interface Scope {
  readonly name: string;
  readonly isExported: boolean;
}

/** What a function is set to. */
type Key = PropertyKey | BindingIdentifier;

interface Call {
  /** `deps.store.change`; begins with a dot when it is called on what is no name. */
  readonly callee: string;
  /** The first argument, or the constant of this file that it names, as it stands in the text. */
  readonly argument: string;
  readonly scope: Scope | undefined;
  readonly start: number;
  readonly end: number;
}

/** Our functions in the database write, too. */
const WRITE = /\b(INSERT INTO|UPDATE|DELETE FROM|SELECT\b[^(]*\b(?:outbox|inbox|bus)[_.]\w+\()/;

/** Every effect of a file, in the order of the text. */
export function findEffects(file: string, text: string, known: EffectCalls): readonly Effect[] {
  const calls = callsIn(file, text);
  const points = calls.filter(({ callee }) => callee === 'crashPoint');
  return calls.flatMap((call) => {
    const what = effectOf(call, known);
    if (what === undefined) return [];
    const own = points.filter(({ scope }) => scope !== undefined && scope === call.scope);
    return {
      ...{ file, what, within: call.scope?.name ?? '' },
      line: text.slice(0, call.start).split('\n').length,
      before: own.some(({ start }) => start < call.end),
      after: own.some(({ start }) => start > call.end),
    };
  });
}

const NOTHING_KNOWN: EffectCalls = { operations: new Set(), outgoing: /(?!)/ };

/**
 * The functions of a store that write by themselves, outside of a transaction of their caller: `.change` for a method,
 * `claimDue` for a function that is exported.
 */
export function writingOperations(file: string, text: string): readonly string[] {
  const named = callsIn(file, text)
    .filter((call) => effectOf(call, NOTHING_KNOWN) !== undefined)
    .flatMap(({ scope }) => (scope === undefined || scope.name.startsWith('create') ? [] : [scope]))
    .map(({ name, isExported }) => (isExported ? name : `.${name}`));
  return [...new Set(named)];
}

function effectOf({ callee, argument }: Call, { operations, outgoing }: EffectCalls): string | undefined {
  if (/(^|\.)db\.query$/.test(callee)) {
    const verb = WRITE.exec(argument)?.[1];
    return verb && `db.query ${verb.split(/\s/)[0]}`;
  }
  const operation = callee.slice(Math.max(0, callee.lastIndexOf('.')));
  if (operation !== '.transaction' && !operations.has(operation) && !outgoing.test(callee)) return undefined;
  return callee
    .split('.')
    .filter((part) => part !== '')
    .slice(-2)
    .join('.');
}

/** Every call of a file, in the order of the text. */
function callsIn(file: string, text: string): readonly Call[] {
  const { program, errors } = parseSync(file, text);
  if (errors.length > 0) throw new Error(`${file}: ${errors[0]?.message}`);
  const names = new Map<FunctionNode | ArrowFunctionExpression, Scope>();
  const constants = new Map<string, string>();
  const found: { readonly node: CallExpression; readonly scope: Scope | undefined }[] = [];
  const within: Scope[] = [];
  const name = (key: Key, value: Node | null) => {
    if (key.type === 'Identifier' && value !== null && isFunction(value))
      names.set(value, { name: key.name, isExported: false });
  };
  const enter = (node: FunctionNode | ArrowFunctionExpression) => {
    const scope = names.get(node);
    if (scope) within.push(scope);
  };
  const leave = (node: FunctionNode | ArrowFunctionExpression) => {
    if (names.has(node)) within.pop();
  };
  new Visitor({
    ExportNamedDeclaration: ({ declaration }) => {
      if (declaration?.type === 'FunctionDeclaration' && declaration.id)
        names.set(declaration, { name: declaration.id.name, isExported: true });
    },
    FunctionDeclaration: (node) => {
      if (node.id && !names.has(node)) names.set(node, { name: node.id.name, isExported: false });
      enter(node);
    },
    'FunctionDeclaration:exit': leave,
    FunctionExpression: enter,
    'FunctionExpression:exit': leave,
    ArrowFunctionExpression: enter,
    'ArrowFunctionExpression:exit': leave,
    Property: ({ key, value }) => name(key, value),
    MethodDefinition: ({ key, value }) => name(key, value),
    PropertyDefinition: ({ key, value }) => name(key, value),
    VariableDeclarator: ({ id, init }) => {
      if (id.type !== 'Identifier' || init === null) return;
      name(id, init);
      constants.set(id.name, text.slice(init.start, init.end));
    },
    CallExpression: (node) => void found.push({ node, scope: within.at(-1) }),
  }).visit(program);
  return found
    .map(({ node: { callee, arguments: given, start, end }, scope }) => ({
      callee: pathOf(callee),
      argument: given[0] === undefined ? '' : argumentOf(given[0], text, constants),
      ...{ scope, start, end },
    }))
    .sort((a, b) => a.start - b.start);
}

function isFunction(node: Node): node is FunctionNode | ArrowFunctionExpression {
  return node.type === 'FunctionExpression' || node.type === 'ArrowFunctionExpression';
}

function pathOf(node: Expression): string {
  if (node.type === 'Identifier') return node.name;
  if (node.type === 'MemberExpression' && node.property.type === 'Identifier' && !node.computed)
    return `${pathOf(node.object)}.${node.property.name}`;
  return '';
}

/** A statement is written out, or a constant, or what a function of that name makes of its parts. */
function argumentOf(
  node: CallExpression['arguments'][number],
  text: string,
  constants: ReadonlyMap<string, string>,
): string {
  const named = node.type === 'CallExpression' ? node.callee : node;
  const constant = named.type === 'Identifier' ? constants.get(named.name) : undefined;
  return constant ?? text.slice(node.start, node.end);
}
