import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Sample } from '../deps.ts';
import { knownOf } from './discovery.ts';
import { edgesOf } from './edges.ts';
import { chartOf } from './metrics.ts';

const edge = (of: string, name: string, value: number, more: object = {}): Sample => ({
  metric: `resilience_edge_${of}`,
  labels: { job: 'order', edge: name, ...more },
  value,
});

describe('what processes tell', () => {
  it('of their calls is one row an edge, the processes of a caller taken together, open circuits first', () => {
    const rows = edgesOf([
      edge('breaker', 'order→payment', 0),
      edge('running', 'order→payment', 2),
      edge('running', 'order→payment', 3),
      edge('limit', 'order→payment', Number.POSITIVE_INFINITY),
      edge('breaker', 'order→inventory grpc', 1),
      edge('breaker', 'order→shipping', 0),
      edge('breaker', 'order→shipping', 2),
      edge('limit', 'order→shipping', 20),
      edge('limit', 'order→shipping', 20),
      edge('events_total', 'order→shipping', 4, { of: 'retries' }),
      edge('events_total', 'order→shipping', 5, { of: 'retries' }),
      { metric: 'http_server_request_duration_seconds_count', labels: { job: 'order' }, value: 1 },
    ]);
    assert.deepEqual(
      rows.map(({ from, to, protocol, breaker, running, limit }) => [
        from,
        to,
        protocol,
        breaker,
        running,
        limit,
      ]),
      [
        ['order', 'shipping', '', 'open', 0, 40],
        ['order', 'inventory', 'grpc', 'half-open', 0, undefined],
        ['order', 'payment', '', 'closed', 5, undefined],
      ],
    );
    assert.deepEqual(rows[0]?.counts, { retries: 9 });
  });

  it('of the instances that they know is the oldest first', () => {
    const known = (metric: string, service: string, value: number): Sample => ({
      metric,
      labels: { job: 'order', service },
      value,
    });
    assert.deepEqual(
      knownOf([
        known('discovery_age_seconds', 'payment', 3),
        known('discovery_age_seconds', 'shipping', 70),
        known('discovery_instances', 'payment', 2),
      ]),
      [
        { by: 'order', service: 'shipping', instances: 0, ageSeconds: 70 },
        { by: 'order', service: 'payment', instances: 2, ageSeconds: 3 },
      ],
    );
  });
});

describe('a chart', () => {
  const series = {
    ...{ service: 'order', instance: '1', attributes: {}, temporality: 2, monotonic: true },
    points: [
      { timeMs: 0, value: 100, count: 0 },
      { timeMs: 10_000, value: 150, count: 0 },
      { timeMs: 20_000, value: 30, count: 0 },
      { timeMs: 20_000, value: 30, count: 0 },
    ],
  };

  it('of what only grows is how fast it grows, also after its process began anew', () => {
    assert.deepEqual(chartOf(series), [
      { timeMs: 10_000, value: 5 },
      { timeMs: 20_000, value: 3 },
    ]);
  });

  it('of a level is the level', () => {
    const level = { ...series, monotonic: false, temporality: 0 };
    assert.deepEqual(
      chartOf(level).map(({ value }) => value),
      [100, 150, 30, 30],
    );
  });

  it('of a histogram has the quantiles of what came since, by either kind of bucket', () => {
    const point = (timeMs: number, counts: readonly number[]) => ({
      ...{ timeMs, value: 0, count: counts.reduce((sum, one) => sum + one, 0) },
      distribution: { bounds: [0.1, 0.5], counts },
    });
    const classic = { ...series, points: [point(0, [90, 0, 0]), point(1_000, [95, 4, 1])] };
    assert.deepEqual(chartOf(classic), [{ timeMs: 1_000, value: 10, p50: 0.1 }]);
    const exponential = {
      ...series,
      points: [
        {
          timeMs: 0,
          value: 0,
          count: 0,
          distribution: { scale: 0, zeroCount: 0, positive: { offset: 0, counts: [] } },
        },
        {
          timeMs: 1_000,
          value: 0,
          count: 4,
          distribution: { scale: 0, zeroCount: 0, positive: { offset: 0, counts: [3, 0, 1] } },
        },
      ],
    };
    assert.deepEqual(chartOf(exponential), [{ timeMs: 1_000, value: 4, p50: 2, p95: 8 }]);
  });
});
