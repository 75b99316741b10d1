import cluster, { type Worker } from 'node:cluster';
import { extname, join } from 'node:path';
import { toError, watchLiveness } from '@flotilla/kernel';
import { EXIT_STATUS } from '@flotilla/process';
import { askHealth, createHealthListener, mergeMetrics } from './health.ts';
import { createPortKeeper } from './keep-port.ts';
import type { GatewayProcessOptions } from './run-gateway.ts';

const LONGEST_PAUSE_MS = 5_000;
const FIRST_PAUSE_MS = 50;
/** A worker that lived so long has not failed at once. */
const STEADY_MS = 10_000;
/** A worker that says nothing for so long hangs. */
const SILENCE_MS = 20_000;

/**
 * Runs `count` gateway processes on one port and replaces those that end, or that do not answer for `silenceMs`
 * (0: for ever). While the only one is replaced, new connections wait for the next. Ends when all have stopped after a signal, or
 * when one finds the configuration invalid: then nothing would be gained by another try.
 */
export async function superviseWorkers(
  options: GatewayProcessOptions,
  count: number,
  silenceMs: number = SILENCE_MS,
): Promise<void> {
  cluster.schedulingPolicy = cluster.SCHED_NONE; // each accepts for itself: no process in between
  cluster.setupPrimary({
    // Beside this file and of its kind: the source here, compiled code in a published package.
    exec: join(import.meta.dirname, `worker${extname(import.meta.filename)}`),
    args: [],
    stdio: ['pipe', 'inherit', 'inherit', 'ipc'],
  });
  const keeper = count === 1 ? createPortKeeper(options) : undefined;
  const gateways = () => running().filter((worker) => worker !== keeper?.worker);
  let pauseMs = FIRST_PAUSE_MS;
  let isStopping = false;
  const pauses = new Set<NodeJS.Timeout>();
  const { promise, resolve } = Promise.withResolvers<number>();
  // One address for all: each has its own only in the process that starts them.
  const { health, ...forWorkers } = options;
  // One that still starts would take the question for its options.
  const serving = new Set<Worker>();
  const listener = health && createHealthListener({ ...health, ...healthOf(serving) });
  if (listener !== undefined) await openOrEnd(listener);

  const end = (code: number): void => {
    isStopping = true;
    for (const pause of pauses) clearTimeout(pause); // nothing keeps this process any longer
    resolve(code);
  };

  const start = (): void => {
    if (isStopping) return;
    const startedAtMs = performance.now();
    const worker = cluster.fork();
    // Not as arguments: those are shown to every user of the machine, and there are secrets among the options.
    worker.once('online', () => worker.send(forWorkers));
    worker.once('listening', () => {
      serving.add(worker);
      if (silenceMs === 0) return;
      const onHang = () => {
        process.stderr.write(`a gateway process did not answer for ${silenceMs / 1_000} s\n`);
        worker.process.kill('SIGKILL');
      };
      watchLiveness(worker.process, { silenceMs, onHang });
    });
    worker.on('listening', ({ port }) => {
      if (port === options.port && !isStopping) keeper?.hold();
    });
    worker.on('exit', (code: number, signal: string) => {
      serving.delete(worker);
      if (code === EXIT_STATUS.configuration) end(code);
      if (isStopping) {
        if (gateways().length === 0) end(0);
        return;
      }
      if (performance.now() - startedAtMs > STEADY_MS) pauseMs = FIRST_PAUSE_MS;
      process.stderr.write(`a gateway process ended (${signal ?? code}); another one takes its place\n`);
      const pause = setTimeout(() => {
        pauses.delete(pause);
        start();
      }, pauseMs);
      pauses.add(pause);
      pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2);
    });
  };

  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.on(signal, () => {
      isStopping = true;
      for (const worker of running()) worker.process.kill('SIGTERM');
      if (gateways().length === 0) end(0);
    });
  // Otherwise it would end this process, and with it the workers: they read their configuration again.
  process.on('SIGHUP', () => {
    for (const worker of gateways()) worker.process.kill('SIGHUP');
  });
  for (let started = 0; started < count; started += 1) start();
  process.exitCode = await promise;
  await listener?.close();
  for (const worker of running()) worker.process.kill('SIGTERM');
}

/** A port that is taken is no fault of the moment: the status is that of unusable configuration. */
async function openOrEnd(listener: ReturnType<typeof createHealthListener>): Promise<void> {
  try {
    await listener.listen();
  } catch (error) {
    process.stderr.write(`Unable to start the gateway:\n  - ${toError(error).message}\n`);
    process.exit(EXIT_STATUS.configuration);
  }
}

/** Ready when one of them is; a process that does not answer has no metrics. */
function healthOf(serving: ReadonlySet<Worker>) {
  const askAll = async () =>
    (await Promise.all([...serving].map(askHealth))).filter((told) => told !== undefined);
  return {
    isReady: async () => (await askAll()).some(({ isReady }) => isReady),
    metrics: async () => mergeMetrics((await askAll()).map(({ metrics }) => metrics)),
  };
}

function running(): readonly Worker[] {
  return Object.values(cluster.workers ?? {}).filter(
    (worker) => worker !== undefined && !worker.isDead(),
  ) as Worker[];
}
