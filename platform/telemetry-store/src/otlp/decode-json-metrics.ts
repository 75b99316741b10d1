import { orReject } from './decode-json.ts';
import {
  attributesOf,
  enumOf,
  type Fields,
  fieldsOf,
  forEachJsonRecord,
  idOf,
  listOf,
  nanosOf,
  numberOf,
  pick,
  textOf,
} from './json-values.ts';
import {
  type Collector,
  createCollector,
  type Decoded,
  type Distribution,
  type MetricType,
  type PointRecord,
  type Resource,
} from './records.ts';

const MEMBERS: readonly (readonly [string, MetricType])[] = [
  ['gauge', 'gauge'],
  ['sum', 'sum'],
  ['histogram', 'histogram'],
  ['exponentialHistogram', 'exponential'],
  ['summary', 'summary'],
];
const TEMPORALITIES = ['UNSPECIFIED', 'DELTA', 'CUMULATIVE'].map((name) => `AGGREGATION_TEMPORALITY_${name}`);

export function decodeJsonMetrics(request: unknown): Decoded<PointRecord> {
  const collector = createCollector<PointRecord>();
  forEachJsonRecord(request, ['resourceMetrics', 'scopeMetrics', 'metrics'], (fields, resource) =>
    readMetric(fields, resource, collector),
  );
  return collector.done();
}

function readMetric(fields: Fields, resource: Resource, collector: Collector<PointRecord>): void {
  const found = MEMBERS.find(([member]) => pick(fields, member) !== undefined);
  if (found === undefined) return;
  const [member, type] = found;
  const name = textOf(fields['name']);
  if (name === '') {
    collector.reject('a metric has no name');
    return;
  }
  const data = fieldsOf(pick(fields, member));
  const family = {
    ...{ resource, name, type },
    unit: textOf(fields['unit']),
    description: textOf(fields['description']),
    temporality: enumOf(pick(data, 'aggregationTemporality'), TEMPORALITIES),
    monotonic: pick(data, 'isMonotonic') === true,
  };
  for (const point of listOf(pick(data, 'dataPoints')))
    orReject(collector, () => {
      collector.records.push({ ...family, ...pointOf(fieldsOf(point), type) });
    });
}

function pointOf(fields: Fields, type: MetricType) {
  const distribution = distributionOf(fields, type);
  const value = ['asDouble', 'asInt', 'sum']
    .map((name) => pick(fields, name))
    .find((one) => one !== undefined);
  return {
    timeNs: nanosOf(pick(fields, 'timeUnixNano'), 'timeUnixNano'),
    value: numberOf(value),
    count: numberOf(fields['count']),
    attributes: attributesOf(fields['attributes']),
    exemplars: listOf(fields['exemplars'])
      .map((exemplar) => idOf(pick(fieldsOf(exemplar), 'traceId'), 'traceId', 16))
      .filter(({ length }) => length === 16),
    ...(distribution && { distribution }),
  };
}

function distributionOf(fields: Fields, type: MetricType): Distribution | undefined {
  const numbers = (value: unknown) => listOf(value).map(numberOf);
  const buckets = (name: string) => {
    const found = fieldsOf(pick(fields, name));
    return { offset: numberOf(found['offset']), counts: numbers(pick(found, 'bucketCounts')) };
  };
  switch (type) {
    case 'histogram':
      return {
        bounds: numbers(pick(fields, 'explicitBounds')),
        counts: numbers(pick(fields, 'bucketCounts')),
      };
    case 'exponential':
      return {
        scale: numberOf(fields['scale']),
        zeroCount: numberOf(pick(fields, 'zeroCount')),
        positive: buckets('positive'),
        negative: buckets('negative'),
      };
    case 'summary':
      return {
        quantiles: listOf(pick(fields, 'quantileValues')).map((entry) => {
          const { quantile, value } = fieldsOf(entry);
          return [numberOf(quantile), numberOf(value)] as const;
        }),
      };
    default:
      return undefined;
  }
}
