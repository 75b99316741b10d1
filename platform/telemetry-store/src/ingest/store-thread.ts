import { once } from 'node:events';
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Outcome } from './answers.ts';
import type { EngineOptions, IngestRequest } from './store-engine.ts';
import type { ToWorker } from './worker.ts';

/** The engine in its own thread. */
export interface StoreThread {
  take(request: IngestRequest): Promise<Outcome>;
  lost(signal: string, why: string, count: number): void;
  /** Bytes that wait for it. */
  readonly pendingBytes: () => number;
  /** Rejects when the thread dies: without it nothing can be kept. */
  readonly died: Promise<never>;
  readonly setAside: string | undefined;
  /** Writes what was taken, and closes the file. */
  close(): Promise<void>;
}

type FromWorker =
  | { readonly type: 'open'; readonly setAside: string | undefined }
  | { readonly type: 'taken'; readonly id: number; readonly outcome: Outcome };

export async function startStoreThread(options: EngineOptions): Promise<StoreThread> {
  const worker = new Worker(new URL(`./worker${extname(import.meta.filename)}`, import.meta.url), {
    workerData: options,
  });
  const [opened] = (await once(worker, 'message')) as [FromWorker];
  const waiting = new Map<number, { readonly bytes: number; readonly settle: (outcome: Outcome) => void }>();
  let pendingBytes = 0;
  let nextId = 0;
  const died = Promise.withResolvers<never>();
  died.promise.catch(() => undefined);
  worker.on('error', died.reject);
  worker.on('exit', (code) => died.reject(new Error(`the thread of the store ended with ${code}`)));
  worker.on('message', (message: FromWorker) => {
    if (message.type !== 'taken') return;
    const found = waiting.get(message.id);
    waiting.delete(message.id);
    pendingBytes -= found?.bytes ?? 0;
    found?.settle(message.outcome);
  });
  const post = (message: ToWorker) => worker.postMessage(message);
  return {
    take: (request) =>
      new Promise((settle) => {
        nextId += 1;
        pendingBytes += request.body.byteLength;
        waiting.set(nextId, { bytes: request.body.byteLength, settle });
        post({ type: 'take', id: nextId, request });
      }),
    lost: (signal, why, count) => post({ type: 'lost', signal, why, count }),
    pendingBytes: () => pendingBytes,
    died: died.promise,
    setAside: opened.type === 'open' ? opened.setAside : undefined,
    close: async () => {
      post({ type: 'close' });
      await once(worker, 'exit');
    },
  };
}
