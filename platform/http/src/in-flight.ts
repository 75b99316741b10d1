import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Exchange } from './exchange.ts';

/** The requests that are being answered, and whether new ones are still wanted. */
export interface InFlight {
  add(request: IncomingMessage, response: ServerResponse, exchange: Exchange): void;
  of(request: IncomingMessage): Exchange | undefined;
  readonly draining: boolean;
  startDraining(): void;
  /** Resolves when nothing is in flight. */
  idle(): Promise<void>;
  abortAll(reason: Error): void;
}

export function createInFlight(): InFlight {
  const exchanges = new Map<IncomingMessage, Exchange>();
  const waiting: (() => void)[] = [];
  let draining = false;
  return {
    add: (request, response, exchange) => {
      exchanges.set(request, exchange);
      response.once('close', () => {
        exchanges.delete(request);
        if (exchanges.size === 0) for (const wake of waiting.splice(0)) wake();
      });
    },
    of: (request) => exchanges.get(request),
    get draining() {
      return draining;
    },
    startDraining: () => {
      draining = true;
    },
    idle: () => (exchanges.size === 0 ? Promise.resolve() : new Promise((resolve) => waiting.push(resolve))),
    abortAll: (reason) => {
      for (const exchange of exchanges.values()) exchange.abort(reason);
    },
  };
}
