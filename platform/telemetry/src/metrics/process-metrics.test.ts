import assert from 'node:assert/strict';
import { it } from 'node:test';
import { eventually } from '@flotilla/kernel/testing';
import { createMetrics, type Metrics } from './metrics.ts';
import { collectProcessMetrics } from './process-metrics.ts';

const value = (metrics: Metrics, name: string) =>
  Number(new RegExp(`^${name.replace(/[{}+]/g, '\\$&')} (.+)$`, 'm').exec(metrics.render())?.[1]);

it('reads memory, CPU, files and versions at each rendering', (t) => {
  const metrics = createMetrics();
  const collector = collectProcessMetrics(metrics);
  t.after(() => collector.close());
  assert.ok(value(metrics, 'process_resident_memory_bytes') > 1e6);
  assert.ok(value(metrics, 'v8js_memory_heap_used_bytes') > 1e6);
  assert.ok(value(metrics, 'v8js_memory_heap_limit_bytes') > 1e7);
  assert.ok(value(metrics, 'process_cpu_seconds_total') > 0);
  assert.ok(value(metrics, 'process_start_time_seconds') > 1.7e9);
  assert.ok(value(metrics, 'nodejs_active_resources') >= 0);
  assert.equal(value(metrics, `nodejs_version_info{version="${process.version}"}`), 1);
  if (process.platform !== 'linux') return;
  assert.ok(value(metrics, 'process_open_fds') > 2);
  assert.ok(value(metrics, 'process_max_fds') >= value(metrics, 'process_open_fds'));
  assert.ok(value(metrics, 'process_virtual_memory_bytes') > value(metrics, 'process_resident_memory_bytes'));
});

it('measures how late the event loop is, not the period of its own timer; whoever reads takes nothing from others', async (t) => {
  const metrics = createMetrics();
  const collector = collectProcessMetrics(metrics);
  t.after(() => collector.close());
  const count = (bound: string) => value(metrics, `nodejs_eventloop_delay_seconds_bucket{le="${bound}"}`);
  // With its own period of 200 ms in them there would be none, however idle the machine.
  await eventually('some samples are within 10 ms', () => count('0.01') > 5);
  const until = performance.now() + 300;
  while (performance.now() < until);
  await eventually('the block of 300 ms was seen', () => count('+Inf') - count('0.075') >= 1);
  metrics.render();
  assert.ok(count('+Inf') - count('0.075') >= 1, 'by the second reader, too');
});
