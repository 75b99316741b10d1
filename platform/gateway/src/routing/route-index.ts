import type { Template } from '../templates/template.ts';

/**
 * Finds the templates that may match a path without looking at the others: a tree by segments. What it yields
 * must still be matched; what it does not yield cannot match.
 */
export interface RouteIndex<Entry> {
  /** Calls `visit` for each candidate list, every list in the order of adding, until all have been seen. */
  candidates(lowerPath: string, visit: (entries: readonly Entry[]) => void): void;
}

interface Node<Entry> {
  literals: Map<string, Node<Entry>> | undefined;
  /** Segments with a placeholder. */
  other: Node<Entry> | undefined;
  /** Templates that end here. */
  readonly ends: Entry[];
  /** Templates whose last placeholder takes everything from here on. */
  readonly rests: Entry[];
}

export function createRouteIndex<Entry extends { readonly template: Template }>(
  entries: readonly Entry[],
): RouteIndex<Entry> {
  const root = newNode<Entry>();
  for (const entry of entries) {
    const node = entry.template.segments.reduce(descend, root);
    (entry.template.rest === undefined ? node.ends : node.rests).push(entry);
  }

  return {
    candidates: (path, visit) => walk(root, path, 0, visit),
  };
}

function newNode<Entry>(): Node<Entry> {
  return { literals: undefined, other: undefined, ends: [], rests: [] };
}

function descend<Entry>(node: Node<Entry>, segment: Template['segments'][number]): Node<Entry> {
  if (segment.names.length > 0) {
    node.other ??= newNode();
    return node.other;
  }
  const text = (segment.literals[0] ?? '').toLowerCase();
  node.literals ??= new Map();
  const known = node.literals.get(text);
  if (known !== undefined) return known;
  const next = newNode<Entry>();
  node.literals.set(text, next);
  return next;
}

/** `position` is that of the slash before the next segment. */
function walk<Entry>(
  node: Node<Entry>,
  path: string,
  position: number,
  visit: (entries: readonly Entry[]) => void,
): void {
  if (node.rests.length > 0) visit(node.rests);
  if (position >= path.length - 1) {
    if (node.ends.length > 0) visit(node.ends);
    return;
  }
  const slash = path.indexOf('/', position + 1);
  const end = slash === -1 ? path.length : slash;
  if (node.literals !== undefined) {
    const next = node.literals.get(path.slice(position + 1, end));
    if (next !== undefined) walk(next, path, end, visit);
  }
  if (node.other !== undefined) walk(node.other, path, end, visit);
}
