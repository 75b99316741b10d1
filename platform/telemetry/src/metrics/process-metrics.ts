import { readdirSync, readFileSync } from 'node:fs';
import { monitorEventLoopDelay, PerformanceObserver } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';
import type { Metrics } from './metrics.ts';

const DELAY_BUCKETS_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.15, 0.25, 0.5, 2.5];
const GC_BUCKETS_SECONDS = [0.0005, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.15, 0.25, 0.5];
/** Each tick wakes the process up, and there are many processes on a machine. */
const RESOLUTION_MS = 200;
const PERIOD_NS = RESOLUTION_MS * 1e6;

/** What every process tells of itself, read when metrics are. Close it to stop sampling. */
export function collectProcessMetrics(metrics: Metrics): { close(): void } {
  collectMemory(metrics);
  collectCpu(metrics);
  collectFiles(metrics);
  const stopGc = collectGc(metrics);
  const stopDelay = collectLoopDelay(metrics);
  const started = metrics.gauge('process_start_time_seconds', 'Start of the process since the epoch.');
  started.set(performance.timeOrigin / 1_000);
  const version = metrics.gauge(
    'nodejs_version_info',
    '1, with the version of Node.js.',
    ['version'],
    '{process}',
  );
  version.set(1, { version: process.version });
  return {
    close: () => {
      stopDelay();
      stopGc();
    },
  };
}

function collectMemory(metrics: Metrics): void {
  const resident = metrics.gauge('process_resident_memory_bytes', 'Resident memory.');
  const virtual = metrics.gauge(
    'process_virtual_memory_bytes',
    'Virtual memory; 0 where the system does not say.',
  );
  const used = metrics.gauge('v8js_memory_heap_used_bytes', 'Used memory of the JavaScript heap.');
  const limit = metrics.gauge('v8js_memory_heap_limit_bytes', 'What the JavaScript heap may grow to.');
  metrics.beforeRender(() => {
    const heap = getHeapStatistics();
    resident.set(process.memoryUsage.rss());
    used.set(heap.used_heap_size);
    limit.set(heap.heap_size_limit);
    virtual.set(virtualBytes());
  });
}

function collectCpu(metrics: Metrics): void {
  const cpu = metrics.counter('process_cpu_seconds_total', 'User and system CPU time.');
  metrics.beforeRender(() => {
    const { user, system } = process.cpuUsage();
    cpu.reach((user + system) / 1e6);
  });
}

function collectFiles(metrics: Metrics): void {
  const open = metrics.gauge('process_open_fds', 'Open file descriptors.', [], '{file}');
  const most = metrics.gauge('process_max_fds', 'File descriptors that may be open at a time.', [], '{file}');
  const resources = metrics.gauge(
    'nodejs_active_resources',
    'What keeps the event loop alive: timers, sockets, requests.',
    [],
    '{resource}',
  );
  const limit = maxFiles();
  metrics.beforeRender(() => {
    open.set(openFiles());
    most.set(limit);
    resources.set(process.getActiveResourcesInfo().length);
  });
}

/** Pauses by kind, as the semantic conventions name them. */
function collectGc(metrics: Metrics): () => void {
  const pauses = metrics.histogram(
    'v8js_gc_duration_seconds',
    'Pauses of garbage collection, by kind.',
    GC_BUCKETS_SECONDS,
    ['v8js_gc_type'],
  );
  // Of `perf_hooks.constants`: NODE_PERFORMANCE_GC_MINOR, _MAJOR, _INCREMENTAL, _WEAKCB.
  const kinds = new Map([
    [1, 'minor'],
    [4, 'major'],
    [8, 'incremental'],
    [16, 'weakcb'],
  ]);
  const bound = new Map([...kinds].map(([kind, type]) => [kind, pauses.bind({ v8js_gc_type: type })]));
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      const { kind = 0 } = (entry as { detail?: { kind?: number } }).detail ?? {};
      bound.get(kind)?.observe(entry.duration / 1_000);
    }
  });
  observer.observe({ entryTypes: ['gc'] });
  return () => observer.disconnect();
}

/**
 * Node measures the time between two ticks of a timer: what is longer than its period is the delay. It is never reset: whoever reads
 * takes nothing from others, and the interval in which a reset falls would be lost.
 */
function collectLoopDelay(metrics: Metrics): () => void {
  const delays = metrics.histogram(
    'nodejs_eventloop_delay_seconds',
    'How late the event loop came to a timer, sampled every 200 ms.',
    DELAY_BUCKETS_SECONDS,
  );
  const sampled = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  sampled.enable();
  metrics.beforeRender(() => {
    const { count } = sampled;
    const within = DELAY_BUCKETS_SECONDS.map((bound) => ticksWithin(sampled, bound * 1e9 + PERIOD_NS));
    const counts = [...within, count].map((total, at, all) => total - (all[at - 1] ?? 0));
    delays.reach(counts, count === 0 ? 0 : Math.max(0, (count * (sampled.mean - PERIOD_NS)) / 1e9));
  });
  return () => sampled.disable();
}

/** How many of the ticks came within so long: Node tells only the value at a rank, so the rank is searched for. */
function ticksWithin(sampled: LoopDelay, nanoseconds: number): number {
  const { count } = sampled;
  let [low, high] = [0, count];
  while (low < high) {
    const rank = Math.ceil((low + high) / 2);
    if (sampled.percentile(Math.min(100, (rank / count) * 100)) <= nanoseconds) low = rank;
    else high = rank - 1;
  }
  return low;
}

type LoopDelay = ReturnType<typeof monitorEventLoopDelay>;

function openFiles(): number {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    return 0; // only Linux tells
  }
}

function maxFiles(): number {
  const limits = readProc('/proc/self/limits');
  return Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1] ?? 0);
}

function virtualBytes(): number {
  return Number(/^VmSize:\s+(\d+) kB/m.exec(readProc('/proc/self/status'))?.[1] ?? 0) * 1_024;
}

function readProc(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
