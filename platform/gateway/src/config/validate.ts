import { headerPlaceholdersOf } from '../routing/header-templates.ts';
import type { MatchConfig } from '../routing/options.ts';
import { placeholdersOf } from '../routing/template.ts';
import { didYouMean } from './did-you-mean.ts';
import type { GatewayConfig, RouteConfig } from './model.ts';

/** What cannot be true at the same time, in Ocelot's words. */
export function findConflicts(
  { routes, aggregates }: GatewayConfig,
  keysWithRequestId: ReadonlySet<string>,
): readonly string[] {
  const keys = new Set(routes.map(({ key }) => key).filter((key) => key !== undefined));
  return [
    ...duplicates(routes).map(({ name }) => `route ${name} has duplicate`),
    ...duplicates(aggregates).map(({ name }) => `aggregate ${name} has duplicate aggregate`),
    ...routes
      .filter((route) => route.methods.includes('GET') && aggregates.some((one) => isSameFor(one, route)))
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
    const headers = [...one.headerTemplates].map(([name, value]) => `${name.toLowerCase()}=${value}`).sort();
    const identity = JSON.stringify([templateIdentity(one), one.upstreamHost, headers]);
    const same = seen.get(identity) ?? [];
    seen.set(identity, [...same, one]);
    return same.some((other) => sharesMethod(other, one));
  });
}

function templateIdentity({ name, caseSensitive }: MatchConfig): string {
  return caseSensitive ? name : name.toLowerCase();
}

function sharesMethod(one: MatchConfig, other: MatchConfig): boolean {
  if (one.methods.length === 0 || other.methods.length === 0) return true;
  return one.methods.some((method) => other.methods.includes(method));
}

function isSameFor(one: MatchConfig, other: MatchConfig): boolean {
  return (
    templateIdentity(one) === templateIdentity(other) &&
    one.upstreamHost === other.upstreamHost &&
    one.headerTemplates.size === 0 &&
    other.headerTemplates.size === 0
  );
}

/** What is allowed but hardly meant: placeholders that nothing fills, keys that name nothing. */
export function findLooseEnds(config: GatewayConfig): readonly string[] {
  const swaggerKeys = new Set(config.openApi.map(({ key }) => key));
  return config.routes.flatMap((route, index) => [
    ...(needsUser(route) && route.authentication === undefined
      ? [`Routes[${index}]: its claims need AuthenticationOptions, every request is answered 403`]
      : []),
    ...loosePlaceholders(config, route).map(({ key, message }) => `Routes[${index}].${key}: ${message}`),
    ...(route.swaggerKey === undefined || swaggerKeys.has(route.swaggerKey)
      ? []
      : [`Routes[${index}].SwaggerKey: ${route.swaggerKey} is not in SwaggerEndPoints`]),
  ]);
}

function needsUser({ claims }: RouteConfig): boolean {
  return Object.values(claims).some((map: ReadonlyMap<string, unknown>) => map.size > 0);
}

function loosePlaceholders(
  config: GatewayConfig,
  route: RouteConfig,
): readonly { readonly key: string; readonly message: string }[] {
  const wanted = placeholdersOf(route.downstreamTemplate);
  const sources = new Set([...valuesOf(route), ...route.claims.toPath.keys()]);
  for (const aggregate of config.aggregates) {
    if (route.key === undefined || !aggregate.routeKeys.includes(route.key)) continue;
    for (const name of valuesOf(aggregate)) sources.add(name);
    const parameter = aggregate.expansions.get(route.key)?.parameter;
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
