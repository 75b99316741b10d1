import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Exchange } from './exchange.ts';

/** The requests that are being answered, and whether new ones are still wanted. */
export interface InFlight {
  add(request: IncomingMessage, response: ServerResponse, exchange: Exchange): void;
  /** Also after the exchange has ended: its handler may still be running. */
  of(request: IncomingMessage): Exchange | undefined;
  readonly draining: boolean;
  startDraining(): void;
  /** Told once, when draining starts; at once when it has. The function that comes back takes it away again. */
  onDraining(end: () => void): () => void;
  abortAll(reason: Error): void;
}

export function createInFlight(): InFlight {
  const byRequest = new WeakMap<IncomingMessage, Exchange>();
  const running = new Set<Exchange>();
  const ends = new Set<() => void>();
  let draining = false;
  return {
    add: (request, response, exchange) => {
      byRequest.set(request, exchange);
      running.add(exchange);
      response.once('close', () => running.delete(exchange));
    },
    of: (request) => byRequest.get(request),
    get draining() {
      return draining;
    },
    startDraining: () => {
      draining = true;
      for (const end of ends) end();
      ends.clear();
    },
    onDraining: (end) => {
      if (draining) end();
      else ends.add(end);
      return () => void ends.delete(end);
    },
    abortAll: (reason) => {
      for (const exchange of running) exchange.abort(reason);
    },
  };
}
