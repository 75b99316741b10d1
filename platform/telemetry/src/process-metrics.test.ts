import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMetrics } from './metrics.ts';
import { collectProcessMetrics } from './process-metrics.ts';

test('memory, CPU and event loop lag are read at each render', (t) => {
  const metrics = createMetrics();
  const collector = collectProcessMetrics(metrics);
  t.after(() => collector.close());
  const text = metrics.render();
  const value = (name: string) => Number(new RegExp(`^${name} (.+)$`, 'm').exec(text)?.[1]);
  assert.ok(value('process_resident_memory_bytes') > 1e6);
  assert.ok(value('process_cpu_seconds_total') > 0);
  assert.ok(value('process_start_time_seconds') > 1.7e9);
  assert.match(text, /^nodejs_eventloop_lag_seconds\{quantile="0.99"\} /m);
});
