import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { createStoreEngine, type EngineOptions, type IngestRequest } from './store-engine.ts';

/** A thread of its own: one batch keeps it busy for 20 ms, in which the other thread goes on answering. */
export type ToWorker =
  | { readonly type: 'take'; readonly id: number; readonly request: IngestRequest }
  | { readonly type: 'lost'; readonly signal: string; readonly why: string; readonly count: number }
  | { readonly type: 'close' };

const TEND_EVERY_MS = 1_000;

function serve(port: MessagePort, options: EngineOptions): void {
  const engine = createStoreEngine(options);
  port.postMessage({ type: 'open', setAside: engine.setAside });
  const tend = (): void => {
    const isMore = engine.tend();
    timer = setTimeout(tend, isMore ? 1 : TEND_EVERY_MS);
  };
  let timer = setTimeout(tend, TEND_EVERY_MS);
  port.on('message', (message: ToWorker) => {
    if (message.type === 'take')
      port.postMessage({ type: 'taken', id: message.id, outcome: engine.take(message.request) });
    else if (message.type === 'lost') engine.lost(message.signal, message.why, message.count);
    else {
      clearTimeout(timer);
      engine.close();
      port.close();
    }
  });
}

if (parentPort) serve(parentPort, workerData as EngineOptions);
