import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Metrics } from './metrics.ts';

/** Memory, CPU and event loop lag of this process, read when metrics are rendered. Close it to stop sampling. */
export function collectProcessMetrics(metrics: Metrics): { close(): void } {
  const resident = metrics.gauge('process_resident_memory_bytes', 'Resident memory.');
  const heap = metrics.gauge('nodejs_heap_used_bytes', 'Used memory of the JavaScript heap.');
  const cpu = metrics.counter('process_cpu_seconds_total', 'User and system CPU time.');
  let countedSeconds = 0;
  const started = metrics.gauge('process_start_time_seconds', 'Start of the process since the epoch.');
  const lag = metrics.gauge(
    'nodejs_eventloop_lag_seconds',
    'Delay of the event loop since the last read, by quantile.',
    ['quantile'],
  );
  const delay = monitorEventLoopDelay({ resolution: 20 });
  delay.enable();
  started.set(performance.timeOrigin / 1000);
  metrics.beforeRender(() => {
    const memory = process.memoryUsage();
    const { user, system } = process.cpuUsage();
    resident.set(memory.rss);
    heap.set(memory.heapUsed);
    const seconds = (user + system) / 1e6;
    cpu.inc({}, seconds - countedSeconds);
    countedSeconds = seconds;
    for (const quantile of [50, 99]) {
      lag.set(delay.percentile(quantile) / 1e9, { quantile: String(quantile / 100) });
    }
    delay.reset();
  });
  return { close: () => delay.disable() };
}
