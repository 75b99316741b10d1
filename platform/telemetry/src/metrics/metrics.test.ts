import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createMetrics, type Metrics } from './metrics.ts';

const TRACE = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331', sampled: true };

/** Without what every registry says of itself. */
function textOf(metrics: Metrics): string {
  const text = metrics.render();
  const own = /^# HELP telemetry_refused_total.*?# TYPE telemetry_gauge_cap gauge\n/ms;
  assert.match(text, own);
  return text.replace(own, '');
}

const refusals = (metrics: Metrics, why: string) =>
  Number(new RegExp(`^telemetry_refused_total\\{why="${why}"\\} (\\d+)$`, 'm').exec(metrics.render())?.[1]);

describe('a registry of metrics', () => {
  it('renders counters with help, type and labels', () => {
    const metrics = createMetrics();
    const orders = metrics.counter('orders_total', 'Orders by outcome.', ['outcome']);
    orders.inc({ outcome: 'confirmed' });
    orders.inc({ outcome: 'confirmed' }, 2);
    orders.bind({ outcome: 'cancelled' }).inc();
    assert.equal(
      textOf(metrics),
      '# HELP orders_total Orders by outcome.\n# TYPE orders_total counter\n' +
        'orders_total{outcome="confirmed"} 3\norders_total{outcome="cancelled"} 1\n',
    );
  });

  it('shows a metric without labels from the start, and closed sets of labels as 0', () => {
    const metrics = createMetrics();
    metrics.gauge('queue_depth', 'Waiting.');
    const settled = metrics.counter('settled_total', 'Settled.', ['consumer', 'outcome']);
    settled.startAtZero({ consumer: ['cart'], outcome: ['handled', 'dead'] });
    settled.inc({ consumer: 'cart', outcome: 'dead' });
    const text = metrics.render();
    assert.match(text, /^queue_depth 0$/m);
    assert.match(text, /^settled_total\{consumer="cart",outcome="handled"\} 0$/m);
    assert.match(text, /^settled_total\{consumer="cart",outcome="dead"\} 1$/m);
  });

  it('never lets a counter go down', () => {
    const metrics = createMetrics();
    const counter = metrics.counter('c_total', 'c');
    counter.inc({}, 5);
    counter.inc({}, -3);
    counter.inc({}, Number.NaN);
    counter.inc({}, Number.POSITIVE_INFINITY);
    assert.match(metrics.render(), /^c_total 5$/m);
    assert.deepEqual([refusals(metrics, 'negative'), refusals(metrics, 'not-a-number')], [1, 2]);
  });

  it('sets and moves gauges, NaN and Infinity included', () => {
    const metrics = createMetrics();
    const gauge = metrics.gauge('g', 'g', ['k']);
    gauge.set(3, { k: 'a' });
    gauge.add(-1, { k: 'a' });
    gauge.set(Number.POSITIVE_INFINITY, { k: 'b' });
    gauge.set(Number.NaN, { k: 'c' });
    assert.match(metrics.render(), /g\{k="a"\} 2\ng\{k="b"\} \+Inf\ng\{k="c"\} NaN\n/);
  });

  it('refuses, counts and tells once what is no number, so that no scrape is lost', () => {
    const told: string[] = [];
    const metrics = createMetrics({ onRefused: (metric, why) => told.push(`${metric} ${why}`) });
    const gauge = metrics.gauge('g', 'g');
    gauge.set(4);
    for (const value of [undefined, '5', null]) gauge.set(value as unknown as number);
    assert.match(metrics.render(), /^g 4$/m);
    assert.equal(refusals(metrics, 'not-a-number'), 3);
    assert.deepEqual(told, ['g not-a-number']);
  });

  it('keeps a histogram whole whatever is observed', () => {
    const metrics = createMetrics();
    const histogram = metrics.histogram('d_seconds', 'd', [0.1]);
    for (const value of [0.05, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])
      histogram.observe(value);
    assert.match(metrics.render(), /d_seconds_bucket\{le="0.1"\} 1\n.*le="\+Inf"\} 1\nd_seconds_sum 0.05\n/);
    assert.equal(refusals(metrics, 'not-a-number'), 3);
  });

  it('has cumulative buckets that include their bound, whole ones with a decimal point', () => {
    const metrics = createMetrics();
    const bound = metrics.histogram('d_seconds', 'd', [0.1, 1], ['route']).bind({ route: '/x' });
    for (const value of [0.05, 0.1, 0.5, 7]) bound.observe(value);
    assert.equal(
      textOf(metrics),
      '# HELP d_seconds d\n# TYPE d_seconds histogram\n' +
        'd_seconds_bucket{route="/x",le="0.1"} 2\nd_seconds_bucket{route="/x",le="1.0"} 3\n' +
        'd_seconds_bucket{route="/x",le="+Inf"} 4\nd_seconds_sum{route="/x"} 7.65\nd_seconds_count{route="/x"} 4\n',
    );
  });

  it('escapes help and label values', () => {
    const metrics = createMetrics();
    metrics.counter('e_total', 'a\\b\nc', ['k']).inc({ k: 'say "hi"\\\n' });
    assert.equal(
      textOf(metrics),
      '# HELP e_total a\\\\b\\nc\n# TYPE e_total counter\ne_total{k="say \\"hi\\"\\\\\\n"} 1\n',
    );
  });

  it('takes two texts that are the same on the wire for one', () => {
    const metrics = createMetrics();
    const counter = metrics.counter('s_total', 's', ['k', 'l']);
    counter.inc({ k: '\ud800', l: '' });
    counter.inc({ k: '\ud801', l: '' });
    assert.match(metrics.render(), /^s_total\{k="\ufffd",l=""\} 2$/m);
    counter.inc({ k: 'a\u0000', l: 'b' });
    counter.inc({ k: 'a', l: '\u0000b' });
    assert.equal([...metrics.render().matchAll(/^s_total\{/gm)].length, 3);
  });

  it('drops what comes with a label that the metric does not have', () => {
    const metrics = createMetrics();
    const counter = metrics.counter('l_total', 'l', ['a']);
    counter.inc({ b: 'x' });
    counter.inc({ a: '1', b: 'x' });
    counter.inc();
    assert.doesNotMatch(metrics.render(), /^l_total\{a="1"\}/m);
    assert.match(metrics.render(), /^l_total\{a=""\} 1$/m);
    assert.equal(refusals(metrics, 'unknown-label'), 2);
  });

  it('counts label sets beyond the limit together, and how often; known ones go on', () => {
    const metrics = createMetrics({ maxSeries: 2 });
    const counter = metrics.counter('n_total', 'n', ['user', 'route']);
    for (const user of ['a', 'b', 'c', 'd', 'a']) counter.inc({ user, route: '/' });
    assert.match(
      metrics.render(),
      /n_total\{user="a",route="\/"\} 2\nn_total\{user="b",route="\/"\} 1\nn_total\{user="overflow",route="overflow"\} 2\n/,
    );
    assert.equal(refusals(metrics, 'too-many-series'), 2);
  });

  it('gives the same metric when asked again, and refuses another shape', () => {
    const metrics = createMetrics();
    metrics.counter('x_total', 'x', ['a']).inc({ a: '1' });
    metrics.counter('x_total', 'x', ['a']).inc({ a: '1' });
    assert.match(metrics.render(), /x_total\{a="1"\} 2/);
    assert.throws(() => metrics.counter('x_total', 'x', ['b']), RangeError);
    assert.throws(() => metrics.gauge('x_total', 'x', ['a']), RangeError);
  });

  it('refuses what a scrape would lose', () => {
    const metrics = createMetrics();
    const wrong: readonly (readonly [() => unknown, RegExp])[] = [
      [() => metrics.counter('with-dash', 'x'), /not a metric name: with-dash/],
      [() => metrics.counter('requests', 'x'), /end in _total/],
      [() => metrics.gauge('requests_total', 'x'), /end in _total/],
      [() => metrics.gauge('help', ' '), /says nothing/],
      [() => metrics.gauge('duration', 'x', [], 's'), /ends in _seconds/],
      [() => metrics.gauge('twice', 'x', ['a', 'a']), /twice/],
      ...['le', 'quantile', 'job', 'instance', '__own', 'a-b'].map(
        (label) => [() => metrics.counter('ok_total', 'x', [label]), /not a label name/] as const,
      ),
      [() => metrics.histogram('h', 'h', [1, 1]), /ascending/],
      [() => metrics.histogram('h', 'h', [1, Number.POSITIVE_INFINITY]), /finite/],
    ];
    for (const [make, message] of wrong) assert.throws(make, { name: 'RangeError', message });
    metrics.histogram('size_bytes', 'h', [1]);
    assert.throws(() => metrics.gauge('size_bytes_bucket', 'x'), /is a sample of size_bytes/);
    metrics.counter('jobs_total', 'x');
    assert.throws(() => metrics.gauge('jobs', 'x'), /is a sample of jobs_total/);
  });

  it('reads gauges when rendered', () => {
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

  it('says up to where a gauge is counted', () => {
    const metrics = createMetrics();
    metrics.cap('backlog', 100);
    assert.match(metrics.render(), /^telemetry_gauge_cap\{metric="backlog"\} 100$/m);
  });

  it('says which service, version and instance it is', () => {
    const metrics = createMetrics({ target: { service_name: 'order', service_version: '1.2.3' } });
    assert.match(
      metrics.render(),
      /^# TYPE target_info gauge\ntarget_info\{service_name="order",service_version="1\.2\.3"\} 1$/m,
    );
    assert.match(metrics.render('openmetrics'), /^# TYPE target info\ntarget_info\{service_name/m);
  });

  it('shows a sampled trace as example of its bucket, at the time of the observation', () => {
    const metrics = createMetrics();
    const histogram = metrics.histogram('d_seconds', 'd', [0.1, 1]);
    const before = Date.now();
    histogram.observe(0.5, {}, TRACE);
    histogram.observe(0.01, {}, { ...TRACE, sampled: false });
    const line = () => /^d_seconds_bucket\{le="1\.0"\} .*$/m.exec(metrics.render('openmetrics'))?.[0] ?? '';
    const [, at] =
      /# \{trace_id="0af7651916cd43dd8448eb211c80319c",span_id="b7ad6b7169203331"\} 0\.5 ([\d.]+)$/.exec(
        line(),
      ) ?? [];
    assert.ok(Number(at) * 1_000 >= before && Number(at) * 1_000 <= Date.now(), line());
    assert.equal(line(), line());
    assert.doesNotMatch(metrics.render('openmetrics'), /le="0\.1".*#/);
    assert.doesNotMatch(metrics.render(), / # /);
  });

  it('keeps a base-2 exponential histogram beside the classic one', () => {
    const metrics = createMetrics();
    const histogram = metrics.histogram('d_seconds', 'd', [0.1]);
    for (const value of [0, 0.001, 1, 1.01, 4, 1e9]) histogram.observe(value);
    const family = metrics.collect().find(({ name }) => name === 'd_seconds');
    const [series] = family?.series() ?? [];
    const { exponential: held = assert.fail(), count } = series?.cell.distribution ?? assert.fail();
    assert.equal(held.zeros + held.counts.reduce((sum, one) => sum + one, 0), count);
    assert.ok(held.counts.length <= 160 && held.scale < 3 && held.scale >= -4, JSON.stringify(held));
    for (const value of [0.001, 1e9]) {
      const at = Math.ceil(Math.log2(value) * 2 ** held.scale) - 1 - held.offset;
      assert.ok((held.counts[at] ?? 0) > 0, `${value} is in bucket ${at}`);
    }
  });
});
