import type { IncomingHttpHeaders } from 'node:http';
import { createRequire } from 'node:module';
import { Readable } from 'node:stream';
import type { Attempt } from '@flotilla/resilience';
import type { Dispatcher, Pool } from 'undici';
import type { Method } from '../contract/route.ts';
import { httpError } from '../errors.ts';

/** One HTTP request, ready for the wire. */
export interface WireRequest {
  readonly method: Method | 'HEAD';
  /** Path and query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

export interface WireResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** A response whose body is still on its way. Whoever has it reads it to its end or destroys it. */
export interface OpenResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Readable;
}

export interface Transport {
  /**
   * Sends one request to one origin (`http://host:port`). Rejects with `HTTP_UNAVAILABLE` (`details.sent` tells
   * whether it can have reached the service), `HTTP_BAD_RESPONSE`, or the reason why the attempt was cancelled.
   */
  send(origin: string, request: WireRequest, attempt: Pick<Attempt, 'onCancel'>): Promise<WireResponse>;
  /** The same, as soon as the head of the response is there. */
  open(origin: string, request: WireRequest, attempt: Pick<Attempt, 'onCancel'>): Promise<OpenResponse>;
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

  function dispatch(
    origin: string,
    request: WireRequest,
    attempt: Pick<Attempt, 'onCancel'>,
    receiver: Cancellable,
  ): void {
    attempt.onCancel(receiver.cancel);
    if (receiver.isCancelled) return;
    poolOf(origin).dispatch({ ...request, body: request.body ?? null }, receiver);
  }

  return {
    send: (origin, request, attempt) =>
      new Promise((resolve, reject) => dispatch(origin, request, attempt, new Receiver(resolve, reject))),
    open: (origin, request, attempt) =>
      new Promise((resolve, reject) => dispatch(origin, request, attempt, new Opener(resolve, reject))),
    close: async () => {
      await Promise.all([...pools.values()].map((pool) => pool.close()));
      pools.clear();
    },
  };
}

interface Cancellable extends Dispatcher.DispatchHandler {
  readonly isCancelled: boolean;
  readonly cancel: (reason: Error) => void;
}

/** Collects one response. A class because undici calls several methods on one object that holds state. */
class Receiver implements Cancellable {
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
    this.#reject(broken(cause, this.#controller !== undefined));
  }
}

/** Hands on one response while it arrives. What its reader does not take is not read from the connection. */
class Opener implements Cancellable {
  readonly #resolve: (response: OpenResponse) => void;
  readonly #reject: (error: unknown) => void;
  #controller: Dispatcher.DispatchController | undefined;
  #body: Readable | undefined;
  #isComplete = false;
  #reason: Error | undefined;

  constructor(resolve: (response: OpenResponse) => void, reject: (error: unknown) => void) {
    this.#resolve = resolve;
    this.#reject = reject;
  }

  get isCancelled(): boolean {
    return this.#reason !== undefined;
  }

  readonly cancel = (reason: Error): void => {
    if (this.#body !== undefined) return;
    this.#reason = reason;
    this.#reject(reason);
    this.#controller?.abort(reason);
  };

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#reason !== undefined) controller.abort(this.#reason);
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: IncomingHttpHeaders,
  ): void {
    if (status < 200) return;
    this.#body = new Readable({
      read: () => controller.resume(),
      destroy: (error, done) => {
        if (!this.#isComplete)
          controller.abort(error ?? httpError('HTTP_ABORTED', 'nobody reads the response'));
        done(error);
      },
    });
    this.#resolve({ status, headers: flatten(headers), body: this.#body });
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#body?.push(chunk) === false) controller.pause();
  }

  onResponseEnd(): void {
    this.#isComplete = true;
    this.#body?.push(null);
  }

  onResponseError(_: Dispatcher.DispatchController, cause: Error): void {
    this.#isComplete = true;
    const error = broken(cause, this.#controller !== undefined);
    if (this.#body === undefined) this.#reject(error);
    else this.#body.destroy(error);
  }
}

function broken(cause: Error, sent: boolean): Error {
  const message = sent ? 'the connection broke before the response' : 'no connection';
  return httpError('HTTP_UNAVAILABLE', message, { retryable: true, cause, details: { sent } });
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
