import { useState } from 'preact/hooks';
import { milliseconds } from './format.ts';
import { columnsOf, type Pair, type Place, place } from './map-layout.ts';
import type { Edge, Overview, Process } from './shapes.ts';

const WIDTH = 1_120;
const NODE = { width: 164, height: 60 };
const PILL = { width: 72, height: 19, y: 34 };

/** What a service does with its database, or with the bus. */
interface Traffic {
  readonly count: number;
  readonly errors: number;
  readonly names: readonly string[];
}

/** Whoever is there has not told its name yet. */
const IP_ADDRESS = /^(?:\d+(?:\.\d+){3}|\[[\da-f:]+\])(?::\d+)?$/;

const NO_TRAFFIC: Traffic = { count: 0, errors: 0, names: [] };

function trafficOf(edges: readonly Edge[]): Traffic {
  return edges.reduce(
    ({ count, errors, names }, edge) => ({
      count: count + edge.count,
      errors: errors + edge.errors,
      names: [...names, edge.kind === 'deliver' ? edge.source : edge.target],
    }),
    NO_TRAFFIC,
  );
}

function rateOf(count: number, minutes: number): string {
  const rate = count / minutes;
  return rate > 0 && rate < 10 ? rate.toFixed(1) : String(Math.round(rate));
}

/**
 * Calls between services as lines, from left to right; database and bus beside each service that has them. Who points at a
 * service sees its calls alone, with their rates.
 */
export function TrafficMap({ overview }: { readonly overview: Overview }) {
  const [looked, lookAt] = useState<string>();
  const edges = overview.edges.ok ? overview.edges.value : [];
  const processes = overview.processes.ok ? overview.processes.value : [];
  const minutes = overview.windowMs / 60_000;
  const calls = edges.filter(
    ({ kind, source, target }) => kind === 'call' && source !== 'outside' && !IP_ADDRESS.test(target),
  );
  const seen = calls.map(({ source, target }): Pair => [source, target]);
  const services = overview.system.nodes.map(({ name }) => name);
  const foreign = [...new Set(calls.map(({ target }) => target))].filter((name) => !services.includes(name));
  const pairs = [...overview.system.calls, ...seen];
  const { places, height } = place(columnsOf([...services, ...foreign], pairs), WIDTH, NODE);
  const idle = overview.system.calls.filter(
    ([from, to]) => !seen.some(([source, target]) => source === from && target === to),
  );
  const dimmed = (from: string, to: string) => looked !== undefined && looked !== from && looked !== to;
  return (
    <svg class="map" viewBox={`0 0 ${WIDTH} ${height}`}>
      <title>Who talks to whom</title>
      {idle.map(([from, to]) => (
        <Line
          key={`${from} ${to}`}
          from={places.get(from)}
          to={places.get(to)}
          look={dimmed(from, to) ? 'dimmed' : ''}
          title={`${from} may call ${to}; not in the last ${minutes} minutes`}
        />
      ))}
      {calls.map((edge) => (
        <Line
          key={`${edge.source} ${edge.target}`}
          from={places.get(edge.source)}
          to={places.get(edge.target)}
          look={`live ${edge.errors > 0 ? 'failing' : ''} ${edge.halves === 'both' ? '' : 'half'} ${dimmed(edge.source, edge.target) ? 'dimmed' : ''}`}
          title={`${edge.source} → ${edge.target}: ${edge.count} in ${minutes} minutes, ${edge.errors} failed, 95 % within ${edge.p95Ms === null ? '–' : milliseconds(edge.p95Ms)}`}
        />
      ))}
      {[...services, ...foreign].map((name) => (
        <MapNode
          key={name}
          name={name}
          at={places.get(name)}
          isOurs={services.includes(name)}
          processes={processes.filter(({ service }) => service === name)}
          kept={overview.system.nodes.find((node) => node.name === name)}
          edges={edges.filter(
            ({ source, target, kind }) => kind !== 'call' && (source === name || target === name),
          )}
          minutes={minutes}
          lookAt={lookAt}
        />
      ))}
      {calls
        .filter(({ source, target, errors }) => looked === source || looked === target || errors > 0)
        .map(({ source, target, count, errors }) => (
          <Rate
            key={`${source} ${target}`}
            from={places.get(source)}
            to={places.get(target)}
            text={`${rateOf(count, minutes)}/min${errors ? `, ${errors} failed` : ''}`}
          />
        ))}
    </svg>
  );
}

function MapNode(props: {
  readonly name: string;
  readonly at: Place | undefined;
  readonly isOurs: boolean;
  readonly processes: readonly Process[];
  readonly kept: { readonly database: boolean; readonly bus: boolean } | undefined;
  readonly edges: readonly Edge[];
  readonly minutes: number;
  readonly lookAt: (name: string | undefined) => void;
}) {
  const { name, at, isOurs, processes, kept, edges, minutes, lookAt } = props;
  if (at === undefined) return null;
  const isUp = processes.length > 0 && processes.every(({ state, ready }) => state === 'Running' && ready);
  const look = !isOurs ? 'foreign' : processes.length === 0 ? '' : isUp ? 'up' : 'down';
  const databases = trafficOf(edges.filter(({ kind }) => kind === 'database'));
  const bus = trafficOf(edges.filter(({ kind }) => kind !== 'database'));
  const box = (
    <g class={`node ${look}`} transform={`translate(${at.x} ${at.y})`}>
      <rect class="box" width={NODE.width} height={NODE.height} rx="9" />
      {isOurs && <circle cx="14" cy="17" r="4" />}
      <text x={isOurs ? 26 : 12} y="21">
        {name}
      </text>
      {(kept?.database || databases.count > 0) && (
        <Pill x={8} label="db" what={`the database of ${name}`} traffic={databases} minutes={minutes} />
      )}
      {(kept?.bus || bus.count > 0) && (
        <Pill x={84} label="bus" what={`messages of ${name}`} traffic={bus} minutes={minutes} />
      )}
    </g>
  );
  if (!isOurs) return box;
  return (
    <a
      href={`/services/${name}`}
      onMouseEnter={() => lookAt(name)}
      onMouseLeave={() => lookAt(undefined)}
      onFocus={() => lookAt(name)}
      onBlur={() => lookAt(undefined)}
    >
      {box}
    </a>
  );
}

function Pill(props: {
  readonly x: number;
  readonly label: string;
  readonly what: string;
  readonly traffic: Traffic;
  readonly minutes: number;
}) {
  const { x, label, what, traffic, minutes } = props;
  const { count, errors, names } = traffic;
  return (
    <g
      class={`pill ${errors > 0 ? 'failing' : count > 0 ? 'live' : ''}`}
      transform={`translate(${x} ${PILL.y})`}
    >
      <title>{`${what}${names.length > 0 ? ` (${[...new Set(names)].join(', ')})` : ''}: ${count} in ${minutes} minutes, ${errors} failed`}</title>
      <rect class="pill-box" width={PILL.width} height={PILL.height} rx={PILL.height / 2} />
      <text x={PILL.width / 2} y="13.5" text-anchor="middle">
        {count > 0 ? `${label} ${rateOf(count, minutes)}/min` : label}
      </text>
    </g>
  );
}

/** From the right side of the one to the left side of the other; in one column by the left side of both. */
function endsOf(from: Place, to: Place) {
  const [y1, y2] = [from.y + NODE.height / 2, to.y + NODE.height / 2];
  if (to.x === from.x) return { x1: from.x, y1, x2: to.x, y2, bend1: -36, bend2: -36 };
  const isBack = to.x < from.x;
  const [x1, x2] = isBack ? [from.x, to.x + NODE.width] : [from.x + NODE.width, to.x];
  const bend = Math.max(40, Math.abs(x2 - x1) / 2) * (isBack ? -1 : 1);
  return { x1, y1, x2, y2, bend1: bend, bend2: -bend };
}

function Line(props: {
  readonly from: Place | undefined;
  readonly to: Place | undefined;
  readonly look: string;
  readonly title: string;
}) {
  const { from, to, look, title } = props;
  if (!from || !to) return null;
  const { x1, y1, x2, y2, bend1, bend2 } = endsOf(from, to);
  return (
    <path class={look} d={`M${x1} ${y1} C${x1 + bend1} ${y1} ${x2 + bend2} ${y2} ${x2} ${y2}`}>
      <title>{title}</title>
    </path>
  );
}

/** Near the middle of a line, in front of everything. */
function Rate(props: {
  readonly from: Place | undefined;
  readonly to: Place | undefined;
  readonly text: string;
}) {
  const { from, to, text } = props;
  if (!from || !to) return null;
  const { x1, y1, x2, y2 } = endsOf(from, to);
  const x = x1 === x2 ? x1 - 30 : (x1 + x2) / 2;
  return (
    <text class="rate" x={x} y={(y1 + y2) / 2 + 4} text-anchor="middle">
      {text}
    </text>
  );
}
