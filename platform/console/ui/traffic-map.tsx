import { milliseconds } from './format.ts';
import type { Edge, Overview, Process } from './shapes.ts';

const WIDTH = 1_120;
const NODE = { width: 138, height: 38 };
const GAP_Y = 60;

interface Node {
  readonly name: string;
  readonly kind: 'service' | 'data';
  readonly x: number;
  readonly y: number;
}

type Pair = readonly [from: string, to: string];

/** Columns from left to right: who is called by nobody first. Declared calls count without traffic, too. */
function depthsOf(names: readonly string[], pairs: readonly Pair[]): ReadonlyMap<string, number> {
  const depths = new Map(names.map((name) => [name, 0]));
  // Circles come to rest by the number of rounds.
  for (let round = 0; round < MOST_COLUMNS; round += 1)
    for (const [from, to] of pairs) {
      const left = depths.get(from) ?? MOST_COLUMNS;
      const right = depths.get(to);
      if (right !== undefined && right <= left && left < MOST_COLUMNS - 1) depths.set(to, left + 1);
    }
  return depths;
}

const MOST_COLUMNS = 6;

/** Databases and the bus, as spans name them. */
function dataNodesOf(
  edges: readonly Edge[],
  hasBus: boolean,
  services: ReadonlySet<string>,
): readonly string[] {
  const found = edges.flatMap(({ source, target, kind }) => {
    if (kind === 'database') return [`db ${target}`];
    if (kind === 'call') return services.has(target) ? [] : [target];
    return [kind === 'deliver' ? source : target];
  });
  return [...new Set(found.length === 0 && hasBus ? ['bus'] : found)];
}

function layOut({ system }: Overview, edges: readonly Edge[]): ReadonlyMap<string, Node> {
  const names = system.nodes.map(({ name }) => name);
  const seen = edges
    .filter(({ kind }) => kind === 'call')
    .map(({ source, target }): Pair => [source, target]);
  const depths = depthsOf(names, [...system.calls, ...seen]);
  const hasBus = system.nodes.some(({ bus }) => bus);
  const data = dataNodesOf(edges, hasBus, new Set(names));
  const byDepth = Map.groupBy(names, (name) => depths.get(name) ?? 0);
  const columns = [...[...byDepth].sort(([a], [b]) => a - b).map(([, column]) => column), data];
  return place(
    columns.filter(({ length }) => length > 0),
    new Set(data),
  );
}

function place(
  columns: readonly (readonly string[])[],
  data: ReadonlySet<string>,
): ReadonlyMap<string, Node> {
  const tallest = Math.max(...columns.map(({ length }) => length), 1);
  const stepX = (WIDTH - NODE.width - 24) / Math.max(1, columns.length - 1);
  const nodes = columns.flatMap((column, index) =>
    column.map((name, row): Node => {
      const y = 16 + ((tallest - column.length) * GAP_Y) / 2 + row * GAP_Y;
      return { name, kind: data.has(name) ? 'data' : 'service', x: 12 + index * stepX, y };
    }),
  );
  return new Map(nodes.map((node) => [node.name, node]));
}

export function TrafficMap({ overview }: { readonly overview: Overview }) {
  const edges = overview.edges.ok ? overview.edges.value : [];
  const processes = overview.processes.ok ? overview.processes.value : [];
  const nodes = layOut(overview, edges);
  const height = Math.max(...[...nodes.values()].map(({ y }) => y)) + NODE.height + 16;
  const minutes = overview.windowMs / 60_000;
  const seen = edges.filter(({ source }) => source !== 'outside');
  const declared = overview.system.calls.filter(
    ([from, to]) => !seen.some(({ source, target }) => source === from && target === to),
  );
  return (
    <svg class="map" viewBox={`0 0 ${WIDTH} ${height}`}>
      <title>Who talks to whom</title>
      {declared.map(([from, to]) => (
        <Line
          key={`${from} ${to}`}
          from={nodes.get(from)}
          to={nodes.get(to)}
          look=""
          label=""
          title={`${from} may call ${to}; not in the last ${minutes} minutes`}
        />
      ))}
      {seen.map((edge) => {
        const target = edge.kind === 'database' ? `db ${edge.target}` : edge.target;
        const look = `live ${edge.errors > 0 ? 'failing' : ''} ${edge.halves === 'both' ? '' : 'half'}`;
        const rate = edge.count / minutes;
        const title = `${edge.source} → ${edge.target}: ${edge.count} in ${minutes} minutes, ${edge.errors} failed, 95 % within ${edge.p95Ms === null ? '–' : milliseconds(edge.p95Ms)}`;
        const label = `${rate < 10 ? rate.toFixed(1) : Math.round(rate)}/min${edge.errors ? `, ${edge.errors} failed` : ''}`;
        return (
          <Line
            key={`${edge.source} ${target} ${edge.kind}`}
            from={nodes.get(edge.source)}
            to={nodes.get(target)}
            look={look}
            label={label}
            title={title}
          />
        );
      })}
      {[...nodes.values()].map((node) => (
        <MapNode key={node.name} node={node} processes={processes} />
      ))}
    </svg>
  );
}

function MapNode({ node, processes }: { readonly node: Node; readonly processes: readonly Process[] }) {
  const own = processes.filter(({ service }) => service === node.name);
  const isUp = own.length > 0 && own.every(({ state, ready }) => state === 'Running' && ready);
  const look = node.kind === 'data' ? 'data' : own.length === 0 ? '' : isUp ? 'up' : 'down';
  const box = (
    <g class={`node ${look}`} transform={`translate(${node.x} ${node.y})`}>
      <rect width={NODE.width} height={NODE.height} rx="8" />
      {node.kind === 'service' && <circle cx="14" cy={NODE.height / 2} r="4" />}
      <text x={node.kind === 'service' ? 26 : 12} y={NODE.height / 2 + 4}>
        {node.name}
      </text>
    </g>
  );
  return node.kind === 'service' ? <a href={`/services/${node.name}`}>{box}</a> : box;
}

function Line(props: {
  readonly from: Node | undefined;
  readonly to: Node | undefined;
  readonly look: string;
  readonly label: string;
  readonly title: string;
}) {
  const { from, to } = props;
  if (!from || !to) return null;
  const isBack = to.x <= from.x;
  const [x1, y1] = [isBack ? from.x : from.x + NODE.width, from.y + NODE.height / 2];
  const [x2, y2] = [isBack ? to.x + NODE.width : to.x, to.y + NODE.height / 2];
  const bend = Math.max(40, Math.abs(x2 - x1) / 2) * (isBack ? -1 : 1);
  return (
    <g>
      <path class={props.look} d={`M${x1} ${y1} C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`}>
        <title>{props.title}</title>
      </path>
      {props.label && (
        <text class="rate" x={(x1 + x2) / 2} y={(y1 + y2) / 2 - 4} text-anchor="middle">
          {props.label}
        </text>
      )}
    </g>
  );
}
