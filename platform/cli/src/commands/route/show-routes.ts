import type { RouteSummary, RouteView } from '@flotilla/gateway';
import { table } from '../../screen/table.ts';

type Strangler = NonNullable<RouteView['strangler']>;

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

export function routeView(route: RouteView): string {
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

function stranglerFacts({ shadow, ...strangler }: Strangler): readonly (readonly string[])[] {
  const counts = Object.entries(shadow).flatMap(([name, count]) =>
    typeof count === 'number' && count > 0 ? [`${count} ${name}`] : [],
  );
  return [
    ['strangler', sideOf(strangler)],
    ['asked first', `legacy ${strangler.legacy}, new ${strangler.new}, fallbacks ${strangler.fallbacks}`],
    ['shadow', counts.join(', ') || '-'],
  ];
}

function instanceTable(instances: RouteView['instances']): string {
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

function sampleText({ at, method, path, differences }: Strangler['shadow']['samples'][number]): string {
  const lines = differences.map(
    ({ where, legacy = '-', new: fresh = '-' }) => `  ${where}: ${legacy} → ${fresh}`,
  );
  return [`${at}  ${method} ${path}`, ...lines].join('\n');
}

function sideOf({ mode, percent }: Pick<Strangler, 'mode' | 'percent'>): string {
  return mode === 'split' || mode === 'shadow' ? `${mode} ${percent} %` : mode;
}

function sharesOf(versions: RouteView['versions']): string {
  return versions?.map(({ tag, weight }) => `${tag}=${weight}`).join(' ') || '-';
}
