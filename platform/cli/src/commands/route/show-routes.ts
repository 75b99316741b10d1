import { table } from '../../screen/table.ts';

/** What the admin API says of a route; parts that a route does not have are absent. */
export interface RouteSummary {
  readonly id: string;
  readonly upstream: string;
  readonly methods: readonly string[];
  readonly downstream: string | readonly string[];
  readonly instances: number;
  readonly usable: number;
  readonly breaker?: string;
  readonly versions?: readonly Version[];
  readonly strangler?: { readonly mode: string; readonly percent: number };
}

export interface RouteDetails extends Omit<RouteSummary, 'instances' | 'strangler'> {
  readonly instances: readonly Instance[];
  readonly strangler?: StranglerDetails;
}

interface Version {
  readonly tag: string;
  readonly weight: number;
}

interface Instance {
  readonly id: string;
  readonly address: string;
  readonly state: string;
  readonly inFlight: number;
  readonly latencyMs: number;
  readonly consecutiveFailures: number;
}

interface StranglerDetails {
  readonly mode: string;
  readonly percent: number;
  readonly legacy: number;
  readonly new: number;
  readonly fallbacks: number;
  readonly shadow: Readonly<Record<string, unknown>> & { readonly samples: readonly Sample[] };
}

interface Sample {
  readonly at: string;
  readonly method: string;
  readonly path: string;
  readonly differences: readonly {
    readonly where: string;
    readonly legacy?: string;
    readonly new?: string;
  }[];
}

export function routeTable(routes: readonly RouteSummary[]): string {
  const rows = routes.map(({ id, upstream, methods, downstream, usable, instances, ...more }) => [
    id,
    `${methods.join(',') || 'ANY'} ${upstream}`,
    typeof downstream === 'string' ? downstream : downstream.join(' '),
    `${usable}/${instances}`,
    more.breaker ?? '-',
    more.strangler ? sideOf(more.strangler) : sharesOf(more.versions),
  ]);
  return table([['ROUTE', 'UPSTREAM', 'DOWNSTREAM', 'USABLE', 'BREAKER', 'SHARES'], ...rows]);
}

export function routeView(route: RouteDetails): string {
  const { id, upstream, methods, instances, strangler, breaker, versions } = route;
  const facts = [
    ['route', id],
    ['upstream', `${methods.join(',') || 'ANY'} ${upstream}`],
    ['breaker', breaker ?? 'none'],
    ['versions', sharesOf(versions)],
    ...(strangler ? stranglerFacts(strangler) : []),
  ];
  const parts = [
    table(facts),
    instanceTable(instances),
    ...(strangler?.shadow.samples ?? []).map(sampleText),
  ];
  return parts.filter((part) => part !== '').join('\n\n');
}

function stranglerFacts({ shadow, ...strangler }: StranglerDetails): readonly (readonly string[])[] {
  const counts = Object.entries(shadow).flatMap(([name, count]) =>
    typeof count === 'number' && count > 0 ? [`${count} ${name}`] : [],
  );
  return [
    ['strangler', sideOf(strangler)],
    ['asked first', `legacy ${strangler.legacy}, new ${strangler.new}, fallbacks ${strangler.fallbacks}`],
    ['shadow', counts.join(', ') || '-'],
  ];
}

function instanceTable(instances: readonly Instance[]): string {
  if (instances.length === 0) return 'no request has asked for its instances yet, or there are none';
  const rows = instances.map(({ id, address, state, inFlight, latencyMs, consecutiveFailures }) => [
    id,
    address,
    state,
    String(inFlight),
    `${latencyMs} ms`,
    String(consecutiveFailures),
  ]);
  return table([['INSTANCE', 'ADDRESS', 'STATE', 'IN FLIGHT', 'LATENCY', 'FAILURES'], ...rows]);
}

function sampleText({ at, method, path, differences }: Sample): string {
  const lines = differences.map(
    ({ where, legacy = '-', new: fresh = '-' }) => `  ${where}: ${legacy} → ${fresh}`,
  );
  return [`${at}  ${method} ${path}`, ...lines].join('\n');
}

function sideOf({ mode, percent }: { readonly mode: string; readonly percent: number }): string {
  return mode === 'split' || mode === 'shadow' ? `${mode} ${percent} %` : mode;
}

function sharesOf(versions: readonly Version[] | undefined): string {
  return versions?.map(({ tag, weight }) => `${tag}=${weight}`).join(' ') || '-';
}
