import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { findJudges, parseAsPrometheus } from '../../test/judges.ts';
import { createMetrics, type Metrics } from './metrics.ts';
import { collectProcessMetrics } from './process-metrics.ts';
import { createScrape } from './scrape.ts';

const TEXT = 'text/plain; version=0.0.4; charset=utf-8';
const OPEN = 'application/openmetrics-text; version=1.0.0; charset=utf-8';
const TRACE = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331', sampled: true };
/** As Prometheus 3.16 and 2.42 ask. */
const PROMETHEUS_3 =
  'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,' +
  'text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2';
const PROMETHEUS_2 =
  'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1';

/** One of each kind, with the values that are hard to write. */
function allKinds(): Metrics {
  const metrics = createMetrics({ target: { service_name: 'order', service_version: '1.0.0' } });
  metrics.counter('odd_total', 'Says "odd"\\\n.', ['k'], '{thing}').inc({ k: 'a"b\\c\nd\ud800' });
  metrics.gauge('queue_messages', 'Waiting.', [], '{message}').set(Number.NaN);
  metrics.gauge('size_bytes', 'Size.').set(1e21);
  metrics.gauge('full_ratio', 'Full.', ['k']).set(Number.NEGATIVE_INFINITY, { k: '' });
  const duration = metrics.histogram('wait_seconds', 'Waited.', [0.1, 1, 10], ['http_route']);
  duration.observe(0.5, { http_route: '/x/{id}' }, TRACE);
  duration.observe(1e-9, { http_route: '/x/{id}' });
  return metrics;
}

describe('a scrape', () => {
  it('is answered in the format that is liked best, never in one that is not ours', async () => {
    const scrape = createScrape(allKinds());
    const type = async (accept: string | undefined) =>
      (await scrape({ accept, acceptEncoding: undefined })).headers['content-type'];
    assert.equal(await type(undefined), TEXT);
    assert.equal(await type('*/*'), TEXT);
    assert.equal(await type('text/plain'), TEXT);
    assert.equal(await type('application/openmetrics-text; version=2.0.0'), TEXT);
    assert.equal(await type('application/openmetrics-text;version=1.0.0;q=0.2,text/plain;q=0.9'), TEXT);
    assert.equal(await type('application/openmetrics-text;q=0'), TEXT);
    assert.equal(await type('application/openmetrics-text;q=x, ;,'), TEXT);
    assert.equal(await type('application/openmetrics-text'), OPEN);
    assert.equal(await type(PROMETHEUS_2), OPEN);
    assert.equal(await type(PROMETHEUS_3), `${OPEN}; escaping=underscores`);
  });

  it('is compressed where that is accepted, and says on what it depends', async () => {
    const metrics = allKinds();
    const scrape = createScrape(metrics);
    const ask = (acceptEncoding: string | undefined) => scrape({ accept: undefined, acceptEncoding });
    const [plain, packed, refused] = [
      await ask(undefined),
      await ask('br, gzip;q=0.5'),
      await ask('gzip;q=0'),
    ];
    assert.equal(plain.headers['vary'], 'Accept, Accept-Encoding');
    assert.equal(plain.headers['content-encoding'], undefined);
    assert.equal(refused.headers['content-encoding'], undefined);
    assert.equal(packed.headers['content-encoding'], 'gzip');
    assert.deepEqual(gunzipSync(packed.body), plain.body);
    assert.equal(plain.body.toString(), metrics.render());
  });

  it('is rendered once for those who ask at the same moment', async () => {
    const metrics = allKinds();
    let rendered = 0;
    metrics.beforeRender(() => {
      rendered += 1;
    });
    const scrape = createScrape(metrics);
    await Promise.all([1, 2, 3].map(() => scrape({ accept: undefined, acceptEncoding: 'gzip' })));
    assert.equal(rendered, 1);
    await scrape({ accept: undefined, acceptEncoding: 'gzip' });
    assert.equal(rendered, 2);
  });

  it('has the same names in both formats', () => {
    const names = (text: string) =>
      new Set(
        [...text.matchAll(/^([a-z_]+)(?=[{ ])/gm)]
          .map((found) => found[1])
          .filter((name) => name !== 'target_info'),
      );
    const metrics = allKinds();
    assert.deepEqual(names(metrics.render('openmetrics')), names(metrics.render('prometheus')));
    assert.match(metrics.render('openmetrics'), /# TYPE odd counter\n/);
    assert.match(metrics.render('openmetrics'), /# UNIT wait_seconds seconds\n/);
    assert.ok(metrics.render('openmetrics').endsWith('\n# EOF\n'));
  });
});

const judges = findJudges();
if (judges !== undefined)
  describe("Prometheus 3's own parser", () => {
    it('reads every kind in both formats, and the example with its time', () => {
      const metrics = allKinds();
      const collector = collectProcessMetrics(metrics);
      collector.close();
      const asText = parseAsPrometheus(judges, metrics.render('prometheus'), TEXT);
      const asOpen = parseAsPrometheus(judges, metrics.render('openmetrics'), OPEN);
      const keys = (samples: typeof asText) => samples.map(({ labels }) => JSON.stringify(labels)).sort();
      assert.deepEqual(keys(asOpen), keys(asText));
      assert.ok(asText.length > 60, `${asText.length} samples`);
      const odd = asOpen.find(({ labels }) => labels['__name__'] === 'odd_total');
      assert.equal(odd?.labels['k'], 'a"b\\c\nd\ufffd');
      const bucket = asOpen.find(({ exemplar }) => exemplar !== undefined);
      assert.deepEqual(bucket?.exemplar, { trace_id: TRACE.traceId, span_id: TRACE.spanId });
      assert.equal(bucket?.labels['le'], '1.0');
      assert.ok(Math.abs((bucket?.exemplarAtMs ?? 0) - Date.now()) < 60_000);
    });

    it('is a judge that says no', () => {
      assert.throws(() => parseAsPrometheus(judges, 'name undefined\n', TEXT));
      assert.throws(() => parseAsPrometheus(judges, 'a 1\na 2\n', TEXT), /duplicate/);
    });
  });

describe("Debian's promtool", { skip: spawnSync('promtool', ['--version']).status !== 0 }, () => {
  it('has nothing to say about our names', () => {
    const metrics = allKinds();
    collectProcessMetrics(metrics).close();
    const { stdout, stderr, status } = spawnSync('promtool', ['check', 'metrics'], {
      input: metrics.render(),
      encoding: 'utf8',
    });
    assert.equal(`${stdout}${stderr}`, '');
    assert.equal(status, 0);
  });
});
