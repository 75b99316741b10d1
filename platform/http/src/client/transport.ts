import type { IncomingHttpHeaders } from 'node:http';
import { createRequire } from 'node:module';
import type { Attempt } from '@flotilla/resilience';
import type { Dispatcher, Pool } from 'undici';
import type { Method } from '../contract/route.ts';
import { httpError } from '../errors.ts';

/** One HTTP request, ready for the wire. */
export interface WireRequest {
  readonly method: Method;
  /** Path and query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface WireResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface Transport {
  /**
   * Sends one request to one origin (`http://host:port`). Rejects with `HTTP_UNAVAILABLE` (`details.sent` tells
   * whether it can have reached the service), `HTTP_BAD_RESPONSE`, or the reason why the attempt was cancelled.
   */
  send(origin: string, request: WireRequest, attempt: Pick<Attempt, 'onCancel'>): Promise<WireResponse>;
  close(): Promise<void>;
}

const MAX_RESPONSE_BYTES = 1024 * 1024;

/** A keep-alive connection pool per origin. */
export function createTransport({ maxConnections }: { readonly maxConnections: number }): Transport {
  const pools = new Map<string, Pool>();

  function poolOf(origin: string): Pool {
    let pool = pools.get(origin);
    if (pool === undefined) {
      pool = new (loadPool())(origin, {
        connections: maxConnections,
        connectTimeout: 1_000,
        // The attempt knows the one deadline of its call; undici's own timers are not needed.
        headersTimeout: 0,
        bodyTimeout: 0,
      });
      const held = pool;
      // Instances come and go: a pool is dropped with its last connection.
      pool.on('disconnect', () => {
        if (held.stats.connected === 0 && held.stats.size === 0 && pools.get(origin) === held) {
          pools.delete(origin);
          void held.close();
        }
      });
      pools.set(origin, pool);
    }
    return pool;
  }

  return {
    send: (origin, request, attempt) =>
      new Promise((resolve, reject) => {
        const receiver = new Receiver(resolve, reject);
        attempt.onCancel(receiver.cancel);
        if (receiver.isCancelled) return;
        poolOf(origin).dispatch({ ...request, body: request.body ?? null }, receiver);
      }),
    close: async () => {
      await Promise.all([...pools.values()].map((pool) => pool.close()));
      pools.clear();
    },
  };
}

/** Collects one response. A class because undici calls several methods on one object that holds state. */
class Receiver implements Dispatcher.DispatchHandler {
  readonly #resolve: (response: WireResponse) => void;
  readonly #reject: (error: unknown) => void;
  readonly #chunks: Buffer[] = [];
  #bytes = 0;
  #status = 0;
  #headers: IncomingHttpHeaders = {};
  #controller: Dispatcher.DispatchController | undefined;
  #reason: Error | undefined;

  constructor(resolve: (response: WireResponse) => void, reject: (error: unknown) => void) {
    this.#resolve = resolve;
    this.#reject = reject;
  }

  get isCancelled(): boolean {
    return this.#reason !== undefined;
  }

  readonly cancel = (reason: Error): void => {
    this.#reason = reason;
    this.#reject(reason);
    this.#controller?.abort(reason);
  };

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#reason !== undefined) controller.abort(this.#reason);
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    this.#status = status;
    this.#headers = headers;
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#bytes += chunk.length;
    this.#chunks.push(chunk);
    if (this.#bytes <= MAX_RESPONSE_BYTES) return;
    const error = httpError('HTTP_BAD_RESPONSE', `the response is larger than ${MAX_RESPONSE_BYTES} bytes`);
    this.#reject(error);
    controller.abort(error);
  }

  onResponseEnd(): void {
    this.#resolve({
      status: this.#status,
      headers: flatten(this.#headers),
      body: Buffer.concat(this.#chunks).toString('utf8'),
    });
  }

  onResponseError(_: Dispatcher.DispatchController, cause: Error): void {
    const sent = this.#controller !== undefined;
    const message = sent ? 'the connection broke before the answer' : 'no connection';
    this.#reject(httpError('HTTP_UNAVAILABLE', message, { retryable: true, cause, details: { sent } }));
  }
}

function flatten(headers: IncomingHttpHeaders): Record<string, string> {
  const flat: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) flat[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return flat;
}

const require = createRequire(import.meta.url);

/** undici's index also loads fetch, WebSocket and more (70 ms); the pool alone is 25 ms, at the first call. */
function loadPool(): typeof Pool {
  return require('undici/lib/dispatcher/pool.js') as typeof Pool;
}
