/** One step of a path: a member by name, an item by position, all children, or a name at any depth. */
type PathStep =
  | { readonly kind: 'member'; readonly name: string }
  | { readonly kind: 'item'; readonly index: number }
  | { readonly kind: 'children' }
  | { readonly kind: 'descendants'; readonly name: string | undefined };

export type JsonPath = readonly PathStep[];

/**
 * Reads the part of JSONPath (RFC 9535) that selects by name, position and depth: `$`, `.name`, `['name']`, `[0]`, `[-1]`, `[*]`, `.*`,
 * `..name`, `..*`. `undefined` for everything else, filters and slices included.
 */
export function parseJsonPath(text: string): JsonPath | undefined {
  if (!text.startsWith('$')) return undefined;
  const steps: PathStep[] = [];
  const pattern = /\.\.(?:(\*)|([^.[\]*]+))|\.(?:(\*)|([^.[\]*]+))|\[(?:(\*)|(-?\d+)|'([^']*)'|"([^"]*)")\]/y;
  pattern.lastIndex = 1;
  while (pattern.lastIndex < text.length) {
    const match = pattern.exec(text);
    if (match === null) return undefined;
    const [, anyDeep, deep, any, member, anyItem, index, quoted, doubleQuoted] = match;
    if (anyDeep !== undefined || deep !== undefined) steps.push({ kind: 'descendants', name: deep });
    else if (any !== undefined || anyItem !== undefined) steps.push({ kind: 'children' });
    else if (index !== undefined) steps.push({ kind: 'item', index: Number(index) });
    else steps.push({ kind: 'member', name: member ?? quoted ?? doubleQuoted ?? '' });
  }
  return steps;
}

/** The values that the path selects, in document order. */
export function select(document: unknown, path: JsonPath): readonly unknown[] {
  let nodes: readonly unknown[] = [document];
  for (const step of path) nodes = nodes.flatMap((node) => [...take(node, step)]);
  return nodes;
}

function* take(node: unknown, step: PathStep): Generator<unknown> {
  if (typeof node !== 'object' || node === null) return;
  if (step.kind === 'children') yield* Object.values(node);
  else if (step.kind === 'descendants') yield* descend(node, step.name);
  else if (step.kind === 'item') {
    if (Array.isArray(node) && node.length > 0 && -node.length <= step.index && step.index < node.length)
      yield node.at(step.index);
  } else if (!Array.isArray(node) && Object.hasOwn(node, step.name))
    yield (node as Readonly<Record<string, unknown>>)[step.name];
}

function* descend(node: unknown, name: string | undefined): Generator<unknown> {
  if (typeof node !== 'object' || node === null) return;
  for (const [key, child] of Object.entries(node)) {
    if (name === undefined || (!Array.isArray(node) && key === name)) yield child;
    yield* descend(child, name);
  }
}
