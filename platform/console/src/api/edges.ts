import type { ConsoleDeps, FaultRow, Sample } from '../deps.ts';
import { consoleError } from '../errors.ts';
import { recordChange } from './change.ts';
import { oneOf, reasonOf } from './input.ts';
import { part } from './partial.ts';
import type { ApiRequest } from './routes.ts';

/** The calls of one service to another, as the caller's processes count them since they were started. */
export interface EdgeRow {
  readonly from: string;
  readonly to: string;
  /** Where a service is called by more than one. */
  readonly protocol: string;
  readonly breaker: 'closed' | 'half-open' | 'open' | undefined;
  /** Attempts under way, those that wait for a slot, and those that nobody waits for any more. */
  readonly running: number;
  readonly queued: number;
  readonly zombies: number;
  /** Attempts allowed at a time. */
  readonly limit: number | undefined;
  /** Instances that get no calls for a while. */
  readonly ejected: number;
  /** Calls, attempts, retries and what else is counted, by its name. */
  readonly counts: Readonly<Record<string, number>>;
}

/** What one service takes at a time. */
export interface ServerRow {
  readonly service: string;
  readonly protocol: 'http' | 'grpc';
  readonly running: number;
  readonly limit: number | undefined;
  readonly shed: number;
}

/** Edges with their breakers, budgets and limits, and the faults that are injected into them. */
export async function readEdges(deps: ConsoleDeps): Promise<object> {
  const [scraped, faults] = await Promise.all([part(deps.scrape), part(deps.faults.list)]);
  const samples = scraped.ok ? scraped.value.samples : [];
  return {
    edges: edgesOf(samples),
    servers: serversOf(samples),
    calls: deps.system.calls,
    faults,
    missing: scraped.ok ? scraped.value.missing : [{ service: 'every process', why: scraped.why }],
  };
}

const BREAKERS = ['closed', 'half-open', 'open'] as const;
const EDGE = /^(.+?)→(\S+)(?: (.+))?$/;

/** What needs a look first: open circuits, then those with instances taken out, then by name. */
export function edgesOf(samples: readonly Sample[]): readonly EdgeRow[] {
  const own = samples.filter(({ metric, labels }) => metric.startsWith('resilience_edge_') && labels['edge']);
  const byEdge = Map.groupBy(own, ({ labels }) => labels['edge'] ?? '');
  const rows = [...byEdge].map(([name, found]) => edgeOf(name, found));
  const weight = (row: EdgeRow) =>
    (row.breaker === 'open' ? 4 : row.breaker === 'half-open' ? 2 : 0) + Math.min(1, row.ejected);
  const nameOf = ({ from, to, protocol }: EdgeRow) => `${from} ${to} ${protocol}`;
  return rows.toSorted((a, b) => weight(b) - weight(a) || nameOf(a).localeCompare(nameOf(b)));
}

/** Several processes of a caller: what they have under way adds up, and the worst circuit is told. */
function edgeOf(name: string, samples: readonly Sample[]): EdgeRow {
  const [, from = name, to = '', protocol = ''] = EDGE.exec(name) ?? [];
  const valuesOf = (of: string) =>
    samples.filter(({ metric }) => metric === `resilience_edge_${of}`).map(({ value }) => value);
  const sumOf = (of: string) => valuesOf(of).reduce((sum, value) => sum + value, 0);
  const level = Math.max(-1, ...valuesOf('breaker'));
  const limits = valuesOf('limit').filter(Number.isFinite);
  const counted = samples.filter(({ metric }) => metric === 'resilience_edge_events_total');
  const byKind = Map.groupBy(counted, ({ labels }) => labels['of'] ?? '');
  return {
    ...{ from, to, protocol },
    breaker: BREAKERS[level],
    ...{ running: sumOf('running'), queued: sumOf('queued'), zombies: sumOf('zombies') },
    limit: limits.length === 0 ? undefined : limits.reduce((sum, value) => sum + value, 0),
    ejected: sumOf('ejected'),
    counts: Object.fromEntries(
      [...byKind].map(([of, found]) => [of, found.reduce((sum, { value }) => sum + value, 0)]),
    ),
  };
}

function serversOf(samples: readonly Sample[]): readonly ServerRow[] {
  const protocols = [
    ['http', 'resilience_server'],
    ['grpc', 'resilience_grpc_server'],
  ] as const;
  return protocols.flatMap(([protocol, prefix]) => {
    const limits = samples.filter(({ metric }) => metric === `${prefix}_limit`);
    const services = [...new Set(limits.map(({ labels }) => labels['job'] ?? ''))].sort();
    return services.map((service) => {
      const sumOf = (of: string) =>
        samples
          .filter(({ metric, labels }) => metric === `${prefix}_${of}` && labels['job'] === service)
          .reduce((sum, { value }) => sum + value, 0);
      const limit = sumOf('limit');
      return {
        ...{ service, protocol, running: sumOf('running'), shed: sumOf('shed_total') },
        limit: Number.isFinite(limit) ? limit : undefined,
      };
    });
  });
}

const MOST_PARTS = 6;

/** Instead of what the edge had: the same again changes nothing. Refused by a system without demo data. */
export async function changeFaults(deps: ConsoleDeps, body: ApiRequest['body']): Promise<object> {
  const reason = reasonOf(body);
  const action = oneOf(body['action'], ['add', 'clear'] as const, 'action');
  const { edge = '', parts = [] } = body;
  if (typeof edge !== 'string' || edge.length > 100)
    throw consoleError('CONSOLE_BAD_REQUEST', 'edge: from→to');
  if (action === 'add' && edge === '') throw consoleError('CONSOLE_BAD_REQUEST', 'edge: from→to');
  if (!Array.isArray(parts) || parts.length > MOST_PARTS || !parts.every((one) => typeof one === 'string'))
    throw consoleError('CONSOLE_BAD_REQUEST', `parts: a list of at most ${MOST_PARTS} texts`);
  const faults: readonly FaultRow[] =
    action === 'add' ? await deps.faults.add(edge, parts) : await deps.faults.clear(edge);
  const outcome = faults.length === 0 ? 'no faults are injected' : faults.map(({ text }) => text).join('; ');
  await recordChange(deps, { what: `fault ${action}`, subject: edge || 'every edge', reason, outcome });
  return { said: outcome };
}
