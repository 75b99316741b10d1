import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMetrics } from './metrics.ts';

test('counters render with help, type and labels', () => {
  const metrics = createMetrics();
  const orders = metrics.counter('orders_total', 'Orders by outcome.', ['outcome']);
  orders.inc({ outcome: 'confirmed' });
  orders.inc({ outcome: 'confirmed' }, 2);
  orders.bind({ outcome: 'cancelled' }).inc();
  assert.equal(
    metrics.render(),
    '# HELP orders_total Orders by outcome.\n# TYPE orders_total counter\n' +
      'orders_total{outcome="confirmed"} 3\norders_total{outcome="cancelled"} 1\n',
  );
});

test('a metric without labels is there from the start', () => {
  const metrics = createMetrics();
  metrics.gauge('queue_depth', 'Waiting.');
  assert.match(metrics.render(), /^queue_depth 0$/m);
});

test('a counter never goes down', () => {
  const metrics = createMetrics();
  const counter = metrics.counter('c_total', 'c');
  counter.inc({}, 5);
  counter.inc({}, -3);
  counter.inc({}, Number.NaN);
  assert.match(metrics.render(), /^c_total 5$/m);
});

test('gauges are set and moved', () => {
  const metrics = createMetrics();
  const gauge = metrics.gauge('g', 'g', ['k']);
  gauge.set(3, { k: 'a' });
  gauge.add(-1, { k: 'a' });
  gauge.set(Number.POSITIVE_INFINITY, { k: 'b' });
  gauge.set(Number.NaN, { k: 'c' });
  assert.match(metrics.render(), /g\{k="a"\} 2\ng\{k="b"\} \+Inf\ng\{k="c"\} NaN\n$/);
});

test('histogram buckets are cumulative, include their bound and end in +Inf', () => {
  const metrics = createMetrics();
  const histogram = metrics.histogram('d_seconds', 'd', [0.1, 1], ['route']);
  const bound = histogram.bind({ route: '/x' });
  for (const value of [0.05, 0.1, 0.5, 7]) bound.observe(value);
  assert.equal(
    metrics.render(),
    '# HELP d_seconds d\n# TYPE d_seconds histogram\n' +
      'd_seconds_bucket{route="/x",le="0.1"} 2\nd_seconds_bucket{route="/x",le="1"} 3\n' +
      'd_seconds_bucket{route="/x",le="+Inf"} 4\nd_seconds_sum{route="/x"} 7.65\nd_seconds_count{route="/x"} 4\n',
  );
});

test('help and label values are escaped', () => {
  const metrics = createMetrics();
  metrics.counter('e_total', 'a\\b\nc', ['k']).inc({ k: 'say "hi"\\\n' });
  assert.equal(
    metrics.render(),
    '# HELP e_total a\\\\b\\nc\n# TYPE e_total counter\ne_total{k="say \\"hi\\"\\\\\\n"} 1\n',
  );
});

test('label sets beyond the limit are counted together, known ones go on', () => {
  const metrics = createMetrics({ maxSeries: 2 });
  const counter = metrics.counter('n_total', 'n', ['user', 'route']);
  for (const user of ['a', 'b', 'c', 'd', 'a']) counter.inc({ user, route: '/' });
  assert.equal(
    metrics.render().split('\n').slice(2).join('\n'),
    'n_total{user="a",route="/"} 2\nn_total{user="b",route="/"} 1\nn_total{user="overflow",route="overflow"} 2\n',
  );
});

test('asking again gives the same metric, another shape is refused', () => {
  const metrics = createMetrics();
  metrics.counter('x_total', 'x', ['a']).inc({ a: '1' });
  metrics.counter('x_total', 'x', ['a']).inc({ a: '1' });
  assert.match(metrics.render(), /x_total\{a="1"\} 2/);
  assert.throws(() => metrics.counter('x_total', 'x', ['b']), RangeError);
  assert.throws(() => metrics.gauge('x_total', 'x', ['a']), RangeError);
});

test('names that Prometheus cannot read are refused', () => {
  const metrics = createMetrics();
  assert.throws(() => metrics.counter('with-dash', 'x'), /not a metric name: with-dash/);
  assert.throws(() => metrics.counter('ok_total', 'x', ['le']), /not a label name: le/);
  assert.throws(() => metrics.histogram('h', 'h', [1, 1]), /ascending/);
});

test('gauges can be read when rendered', () => {
  const metrics = createMetrics();
  const gauge = metrics.gauge('now', 'now');
  let reads = 0;
  metrics.beforeRender(() => {
    reads += 1;
    gauge.set(reads);
  });
  metrics.render();
  assert.match(metrics.render(), /^now 2$/m);
});
