import type { DatabaseSync } from 'node:sqlite';
import type { Attributes, Distribution, MetricType } from '../otlp/records.ts';

export interface MetricFamily {
  readonly name: string;
  readonly unit: string;
  readonly description: string;
  readonly type: MetricType;
  readonly services: readonly string[];
}

export interface MetricSeries {
  readonly service: string;
  readonly instance: string;
  readonly attributes: Attributes;
  readonly temporality: number;
  readonly monotonic: boolean;
  /** Oldest first. */
  readonly points: readonly MetricPoint[];
}

export interface MetricPoint {
  readonly timeMs: number;
  readonly value: number;
  readonly count: number;
  readonly distribution?: Distribution;
}

export interface MetricFilter {
  readonly name: string;
  readonly service?: string;
  readonly fromMs: number;
  readonly toMs: number;
}

export interface MetricReader {
  families(): readonly MetricFamily[];
  /** At most 50 series, those with the newest points first. */
  series(filter: MetricFilter): readonly MetricSeries[];
}

const MOST_SERIES = 50;

export function createMetricReader(db: DatabaseSync): MetricReader {
  const families = db.prepare(
    `SELECT name, max(unit) AS unit, max(description) AS description, max(type) AS type,
       json_group_array(DISTINCT service) AS services FROM series GROUP BY name ORDER BY name`,
  );
  const series = db.prepare(
    `SELECT series.id, series.service, instance, series.attributes, temporality, monotonic,
       (SELECT max(time_ms) FROM point WHERE series = series.id) AS newest
     FROM series JOIN resource ON resource.id = resource
     WHERE name = ?1 AND (?2 = '' OR series.service = ?2) ORDER BY newest DESC LIMIT ${MOST_SERIES}`,
  );
  const points = db.prepare(
    'SELECT time_ms, value, count, distribution FROM point WHERE series = ? AND time_ms BETWEEN ? AND ? ORDER BY time_ms',
  );
  return {
    families: () =>
      families.all().map((row) => ({
        name: String(row['name']),
        unit: String(row['unit']),
        description: String(row['description']),
        type: String(row['type']) as MetricType,
        services: JSON.parse(String(row['services'])) as string[],
      })),
    series: ({ name, service = '', fromMs, toMs }) =>
      series.all(name, service).map((row) => ({
        service: String(row['service']),
        instance: String(row['instance']),
        attributes: JSON.parse(String(row['attributes'])) as Attributes,
        temporality: Number(row['temporality']),
        monotonic: Number(row['monotonic']) === 1,
        points: points.all(Number(row['id']), Math.floor(fromMs), Math.ceil(toMs)).map((point) => ({
          timeMs: Number(point['time_ms']),
          value: Number(point['value']),
          count: Number(point['count']),
          ...(point['distribution'] !== null && {
            distribution: JSON.parse(String(point['distribution'])) as Distribution,
          }),
        })),
      })),
  };
}
