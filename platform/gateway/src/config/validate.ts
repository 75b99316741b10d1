import { didYouMean } from '@flotilla/kernel';
import type { AggregateConfig, GatewayConfig, MatchConfig, RouteConfig } from '../model.ts';
import { headerPlaceholdersOf } from '../templates/header-templates.ts';
import { placeholdersOf } from '../templates/template.ts';

/** What cannot be true at the same time, in Ocelot's words. */
export function findConflicts(
  { routes, aggregates }: GatewayConfig,
  keysWithRequestId: ReadonlySet<string>,
): readonly string[] {
  const keys = new Set(routes.map(({ key }) => key).filter((key) => key !== undefined));
  const aggregated = new Set(aggregates.filter(hasNoHeaders).map(place));
  return [
    ...duplicates(routes).map(({ name }) => `route ${name} has duplicate`),
    ...duplicates(aggregates).map(({ name }) => `aggregate ${name} has duplicate aggregate`),
    ...(aggregated.size === 0 ? [] : routes)
      .filter((route) => route.methods.includes('GET') && hasNoHeaders(route))
      .filter((route) => aggregated.has(place(route)))
      .map(({ name }) => `route ${name} has duplicate aggregate`),
    ...aggregates
      .filter(({ routeKeys }) => routeKeys.some((key) => !keys.has(key)))
      .map(({ name, routeKeys }) => {
        const missing = routeKeys.filter((key) => !keys.has(key));
        return `Routes for aggregateRoute ${name} either do not exist or do not have correct ServiceName property: ${missing.map((key) => describeKey(key, [...keys])).join(', ')}`;
      }),
    ...aggregates
      .filter(({ routeKeys }) => routeKeys.some((key) => keysWithRequestId.has(key)))
      .map(
        ({ name }) =>
          `aggregateRoute ${name} contains Route with specific RequestIdKey, this is not possible with Aggregates`,
      ),
  ];
}

function describeKey(key: string, keys: readonly string[]): string {
  const suggestion = didYouMean(key, keys);
  return suggestion === undefined ? key : `${key} (did you mean ${suggestion}?)`;
}

/** Those for the same thing as an earlier one: they could never be reached by the methods they share. */
function duplicates<Match extends MatchConfig>(all: readonly Match[]): readonly Match[] {
  const seen = new Map<string, Match[]>();
  return all.filter((one) => {
    const headers = [...one.headerTemplates].map(([name, value]) => `${name.toLowerCase()}=${value}`);
    const identity = headers.length === 0 ? place(one) : JSON.stringify([place(one), headers.sort()]);
    const same = seen.get(identity);
    if (same === undefined) seen.set(identity, [one]);
    const isDuplicate = same?.some((other) => sharesMethod(other, one)) === true;
    same?.push(one);
    return isDuplicate;
  });
}

function templateIdentity({ name, caseSensitive }: MatchConfig): string {
  return caseSensitive ? name : name.toLowerCase();
}

function sharesMethod(one: MatchConfig, other: MatchConfig): boolean {
  if (one.methods.length === 0 || other.methods.length === 0) return true;
  return one.methods.some((method) => other.methods.includes(method));
}

/** Where it is, whatever its methods and headers: most have no host, and are told apart by their template alone. */
function place(match: MatchConfig): string {
  const template = templateIdentity(match);
  const isAlone = match.upstreamHost === undefined && template.startsWith('/');
  return isAlone ? template : JSON.stringify([template, match.upstreamHost]);
}

function hasNoHeaders({ headerTemplates }: MatchConfig): boolean {
  return headerTemplates.size === 0;
}

/** What is allowed but hardly meant: placeholders that nothing fills, keys that name nothing. */
export function findLooseEnds(config: GatewayConfig): readonly string[] {
  const swaggerKeys = new Set(config.openApi.map(({ key }) => key));
  const partOf = aggregatesByRouteKey(config);
  return config.routes.flatMap((route, index) => [
    ...(needsUser(route) && route.authentication === undefined
      ? [`Routes[${index}]: its claims need AuthenticationOptions, every request is answered 403`]
      : []),
    ...loosePlaceholders(route, partOf.get(route.key) ?? []).map(
      ({ key, message }) => `Routes[${index}].${key}: ${message}`,
    ),
    ...(route.swaggerKey === undefined || swaggerKeys.has(route.swaggerKey)
      ? []
      : [`Routes[${index}].SwaggerKey: ${route.swaggerKey} is not in SwaggerEndPoints`]),
  ]);
}

function needsUser({ claims }: RouteConfig): boolean {
  return Object.values(claims).some((map: ReadonlyMap<string, unknown>) => map.size > 0);
}

/** No route without a key is part of one. */
function aggregatesByRouteKey({
  aggregates,
}: GatewayConfig): ReadonlyMap<string | undefined, readonly AggregateConfig[]> {
  const byKey = new Map<string, AggregateConfig[]>();
  for (const aggregate of aggregates)
    for (const key of new Set(aggregate.routeKeys)) {
      const known = byKey.get(key);
      if (known === undefined) byKey.set(key, [aggregate]);
      else known.push(aggregate);
    }
  return byKey;
}

function loosePlaceholders(
  route: RouteConfig,
  aggregates: readonly AggregateConfig[],
): readonly { readonly key: string; readonly message: string }[] {
  const wanted = placeholdersOf(route.downstreamTemplate);
  const own = valuesOf(route);
  if (route.claims.toPath.size === 0 && wanted.every((name) => own.includes(name))) return [];
  const sources = new Set([...own, ...route.claims.toPath.keys()]);
  for (const aggregate of aggregates) {
    for (const name of valuesOf(aggregate)) sources.add(name);
    const parameter = aggregate.expansions.get(route.key ?? '')?.parameter;
    if (parameter !== undefined) sources.add(parameter);
  }
  const unfilled = wanted
    .filter((name) => !sources.has(name))
    .map((name) => {
      const suggestion = didYouMean(name, [...sources]);
      return {
        key: 'DownstreamPathTemplate',
        message: `{${name}} has no value and is sent as written${suggestion ? `, did you mean {${suggestion}}?` : ''}`,
      };
    });
  const missing = [...route.claims.toPath.keys()]
    .filter((name) => !wanted.includes(name))
    .map((name) => ({
      key: 'ChangeDownstreamPathTemplate',
      message: `DownstreamPathTemplate has no {${name}}: every request is answered 404`,
    }));
  return [...unfilled, ...missing];
}

function valuesOf({ name, headerTemplates }: MatchConfig): readonly string[] {
  return [...placeholdersOf(name), ...[...headerTemplates.values()].flatMap(headerPlaceholdersOf)];
}
