/** Places the services of a map in columns, so that calls go from left to right and cross as little as is easily had. */

export type Pair = readonly [from: string, to: string];

export interface Place {
  readonly x: number;
  readonly y: number;
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

const MOST_COLUMNS = 6;
const SWEEPS = 6;
const MARGIN = 12;
const GAP_Y = 26;

/** Columns of names, from left to right: who is called by nobody first. */
export function columnsOf(names: readonly string[], calls: readonly Pair[]): readonly (readonly string[])[] {
  const known = new Set(names);
  const pairs = calls.filter(([from, to]) => from !== to && known.has(from) && known.has(to));
  const depths = depthsOf(names, pairs);
  const byDepth = Map.groupBy(names, (name) => depths.get(name) ?? 0);
  const columns = [...byDepth].sort(([a], [b]) => a - b).map(([, column]) => column);
  return untangle(columns, pairs);
}

function depthsOf(names: readonly string[], pairs: readonly Pair[]): ReadonlyMap<string, number> {
  const depths = new Map(names.map((name) => [name, 0]));
  // Circles come to rest by the number of rounds.
  for (let round = 0; round < MOST_COLUMNS; round += 1)
    for (const [from, to] of pairs) {
      const left = depths.get(from) ?? 0;
      if ((depths.get(to) ?? 0) <= left && left < MOST_COLUMNS - 1) depths.set(to, left + 1);
    }
  return depths;
}

/**
 * The barycentre method of Sugiyama, Tagawa and Toda (1981): column after column each name goes where those that it is joined to are on
 * average.
 */
function untangle(
  columns: readonly (readonly string[])[],
  pairs: readonly Pair[],
): readonly (readonly string[])[] {
  let best = columns;
  const current = columns.map((column) => column);
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    for (const [index, column] of current.entries()) {
      const rows = rowsOf(current);
      current[index] = column.toSorted((a, b) => meanRow(a, pairs, rows) - meanRow(b, pairs, rows));
    }
    if (crossings(current, pairs) < crossings(best, pairs)) best = current.map((column) => column);
  }
  return best;
}

function meanRow(name: string, pairs: readonly Pair[], rows: ReadonlyMap<string, number>): number {
  const joined = pairs.flatMap(([from, to]) => (from === name ? [to] : to === name ? [from] : []));
  if (joined.length === 0) return rows.get(name) ?? 0.5;
  return joined.reduce((sum, other) => sum + (rows.get(other) ?? 0.5), 0) / joined.length;
}

/** From 0 at the top of each column to 1 at its bottom. */
function rowsOf(columns: readonly (readonly string[])[]): ReadonlyMap<string, number> {
  return new Map(
    columns.flatMap((column) =>
      column.map((name, row): [string, number] => [name, (row + 0.5) / column.length]),
    ),
  );
}

/** Pairs of calls between the same two columns that change sides. */
export function crossings(columns: readonly (readonly string[])[], pairs: readonly Pair[]): number {
  const rows = rowsOf(columns);
  const columnOf = new Map(
    columns.flatMap((column, index) => column.map((name): [string, number] => [name, index])),
  );
  const lines = pairs.map(([from, to]) => ({
    between: `${columnOf.get(from)} ${columnOf.get(to)}`,
    from: rows.get(from) ?? 0,
    to: rows.get(to) ?? 0,
  }));
  let count = 0;
  for (const [index, one] of lines.entries())
    for (const other of lines.slice(index + 1))
      if (one.between === other.between && (one.from - other.from) * (one.to - other.to) < 0) count += 1;
  return count;
}

/** Columns over the whole width, each in the middle of the height. */
export function place(
  columns: readonly (readonly string[])[],
  width: number,
  node: Size,
): { readonly places: ReadonlyMap<string, Place>; readonly height: number } {
  const stepY = node.height + GAP_Y;
  const tallest = Math.max(...columns.map(({ length }) => length), 1);
  const stepX = (width - node.width - 2 * MARGIN) / Math.max(1, columns.length - 1);
  const places = columns.flatMap((column, index) =>
    column.map((name, row): [string, Place] => [
      name,
      { x: MARGIN + index * stepX, y: MARGIN + ((tallest - column.length) * stepY) / 2 + row * stepY },
    ]),
  );
  return { places: new Map(places), height: tallest * stepY - GAP_Y + 2 * MARGIN };
}
