import { hasName, type Names } from '../grammar/registered.ts';
import type { ConfigObject, SectionShape } from '../grammar/shape.ts';
import type { AggregateConfig } from '../model.ts';
import { parseJsonPath } from '../templates/json-path.ts';
import { MATCH, readMatch } from './match.ts';

const EXPANSION = {
  RouteKey: {
    type: 'string',
    also: ['ReRouteKey'],
    required: true,
    doc: 'A key of `RouteKeys`, not the first.',
  },
  JsonPath: { type: 'string', required: true, doc: 'Selects values in the body of the first part.' },
  Parameter: { type: 'string', required: true, doc: 'Placeholder that gets each value.' },
} as const satisfies SectionShape;

export const AGGREGATE = {
  ...MATCH,
  RouteKeys: {
    type: 'strings',
    also: ['ReRouteKeys'],
    required: true,
    doc: '`Key`s of the routes, in the order of the answer.',
  },
  RouteKeysConfig: {
    type: 'objects',
    shape: EXPANSION,
    also: ['ReRouteKeysConfig'],
    doc: 'Calls for each value in the first answer.',
  },
  Aggregator: { type: 'string', doc: 'Registered in code; absent = one JSON object of all answers.' },
} as const satisfies SectionShape;

export function readAggregate(
  aggregate: ConfigObject<typeof AGGREGATE>,
  { strict, aggregators }: { readonly strict: boolean; readonly aggregators: Names | undefined },
): AggregateConfig {
  const { values } = aggregate;
  const routeKeys = values.RouteKeys ?? [];
  if (routeKeys.length === 0) aggregate.error('RouteKeys', 'must name at least one route');
  if (values.Aggregator && !hasName(aggregators, values.Aggregator))
    aggregate.error('Aggregator', `${values.Aggregator} is not registered in code`);
  return {
    ...readMatch(aggregate, { strict, defaultMethods: ['GET'] }),
    routeKeys,
    expansions: new Map(
      (values.RouteKeysConfig ?? []).map((entry) => [readRouteKey(entry, routeKeys), readExpansion(entry)]),
    ),
    aggregator: values.Aggregator || undefined,
  };
}

type ExpansionObject = ConfigObject<typeof EXPANSION>;

function readRouteKey(entry: ExpansionObject, routeKeys: readonly string[]): string {
  const key = entry.values.RouteKey ?? '';
  if (!routeKeys.slice(1).includes(key))
    entry.error('RouteKey', `${key} is not among RouteKeys behind the first`);
  return key;
}

function readExpansion(entry: ExpansionObject): { readonly jsonPath: string; readonly parameter: string } {
  const jsonPath = entry.values.JsonPath ?? '';
  if (!jsonPath.startsWith('$')) entry.error('JsonPath', 'must start with $');
  else if (parseJsonPath(jsonPath) === undefined)
    entry.error('JsonPath', `${jsonPath} does not select by names, positions and depth alone`);
  const parameter = entry.values.Parameter ?? '';
  if (parameter === '') entry.error('Parameter', 'must be given');
  return { jsonPath, parameter };
}
