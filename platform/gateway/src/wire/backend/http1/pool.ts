import type { Socket } from 'node:net';
import type { Timer } from '../../../time/timers.ts';
import type { BackendCall, BackendFailure, BackendRequest, ResponseSink } from '../backend-call.ts';
import { createTlsMemory, type Inlet } from '../open-socket.ts';
import type { OriginPool, OriginPoolOptions } from '../pool.ts';
import {
  attachHttp1,
  type ConnectionOptions,
  type Http1Connection,
  openHttp1Connection,
} from './connection.ts';
import { type Carrier, Http1Exchange } from './exchange.ts';
import { requestHead } from './request-head.ts';

export interface Http1PoolOptions extends OriginPoolOptions {
  readonly readBuffer: Buffer;
  /**
   * New connections offer HTTP/2, too. Those that choose it are handed over here, and the exchange that asked for one
   * fails with `other-protocol`.
   */
  readonly onHttp2?: (socket: Socket) => void;
}

export interface Http1Pool extends OriginPool {
  /** Takes over an open connection. */
  adopt(socket: Socket, inlet: Inlet): void;
}

const SWEEP_MS = 1_000;

/** HTTP/1.1 to one origin. */
export function createHttp1Pool(options: Http1PoolOptions): Http1Pool {
  return new Pool(options);
}

/** A class, so that each of its few states is named in one place. */
class Pool implements Http1Pool {
  readonly #options: Http1PoolOptions;
  readonly #connectionOptions: ConnectionOptions;
  /** The one used last is the first to be used again: the others may grow old and go. */
  readonly #idle: Http1Connection[] = [];
  readonly #busy = new Set<Http1Connection>();
  /** Attempts to connect, and what they are for. */
  readonly #opening = new Map<Http1Exchange, () => void>();
  readonly #waiting: Http1Exchange[] = [];
  /** Stands in for the connection until there is one. */
  readonly #queue: Carrier;
  #sweep: Timer | undefined;

  constructor(options: Http1PoolOptions) {
    this.#options = options;
    this.#connectionOptions = {
      ...options,
      tls: createTlsMemory(),
      onIdle: (connection) => this.#onIdle(connection),
      onGone: (connection) => this.#onGone(connection),
    };
    const nothing = () => {};
    const pending = {
      pause: nothing,
      resume: nothing,
      bodyData: nothing,
      bodyEnd: nothing,
      bodyError: nothing,
    };
    this.#queue = { ...pending, abort: (exchange) => this.#leave(exchange) };
  }

  send(request: BackendRequest, sink: ResponseSink): BackendCall {
    const head = requestHead(request);
    const exchange = new Http1Exchange(request, sink, head ?? '', this.#queue);
    if (head === undefined) failSoon(exchange, { progress: 'not-sent', reason: 'malformed' });
    else this.#place(exchange);
    return exchange;
  }

  adopt(socket: Socket, inlet: Inlet): void {
    const { timers, idleMs } = this.#options;
    this.#startSweep();
    const connection = attachHttp1(socket, inlet, this.#connectionOptions);
    connection.expiresAtMs = timers.nowMs + idleMs;
    this.#onIdle(connection);
  }

  stats(): ReturnType<OriginPool['stats']> {
    const inFlight = this.#busy.size + this.#opening.size;
    return { inFlight, idle: this.#idle.length, waiting: this.#waiting.length };
  }

  close(): void {
    for (const exchange of this.#waiting.splice(0)) exchange.fail({ progress: 'not-sent', reason: 'closed' });
    for (const [exchange, giveUp] of this.#opening) {
      giveUp();
      exchange.fail({ progress: 'not-sent', reason: 'closed' });
    }
    this.#opening.clear();
    for (const connection of [...this.#idle, ...this.#busy]) connection.destroy();
    this.#sweep?.cancel();
  }

  #place(exchange: Http1Exchange): void {
    this.#startSweep();
    const connection = this.#takeIdle();
    if (connection !== undefined) this.#start(connection, exchange);
    else if (this.#mayOpen()) this.#open(exchange);
    else if (this.#waiting.length < this.#options.maxWaiting) this.#waiting.push(exchange);
    else failSoon(exchange, { progress: 'not-sent', reason: 'refused' });
  }

  #mayOpen(): boolean {
    return this.#busy.size + this.#opening.size < this.#options.origin.maxConnections;
  }

  #takeIdle(): Http1Connection | undefined {
    const { nowMs } = this.#options.timers;
    for (let last = this.#idle.pop(); last !== undefined; last = this.#idle.pop()) {
      if (last.expiresAtMs > nowMs) return last;
      last.destroy();
    }
    return undefined;
  }

  #start(connection: Http1Connection, exchange: Http1Exchange): void {
    const { body } = exchange.request;
    if (body !== undefined && !(body instanceof Uint8Array) && isSpoilt(body)) {
      this.#onIdle(connection);
      failSoon(exchange, { progress: 'not-sent', reason: 'request-body' });
    } else {
      this.#busy.add(connection);
      connection.start(exchange);
    }
  }

  #open(exchange: Http1Exchange): void {
    // A WebSocket is opened by HTTP/1.1.
    const onOther = exchange.request.upgrade ? undefined : this.#options.onHttp2;
    const giveUp = openHttp1Connection(this.#connectionOptions, onOther, (failure, connection) => {
      const isWanted = this.#opening.delete(exchange);
      if (connection !== undefined) {
        if (isWanted) this.#start(connection, exchange);
        else connection.destroy();
        return;
      }
      if (failure !== undefined) exchange.fail(failure);
      this.#afterLoss();
    });
    this.#opening.set(exchange, giveUp);
  }

  /** Given up before there was a connection. */
  #leave(exchange: Http1Exchange): void {
    const position = this.#waiting.indexOf(exchange);
    if (position !== -1) this.#waiting.splice(position, 1);
    const giveUp = this.#opening.get(exchange);
    this.#opening.delete(exchange);
    giveUp?.();
    this.#afterLoss();
  }

  #onIdle(connection: Http1Connection): void {
    this.#busy.delete(connection);
    const next = this.#waiting.shift();
    if (next === undefined) this.#idle.push(connection);
    else this.#start(connection, next);
  }

  #onGone(connection: Http1Connection): void {
    if (!this.#busy.delete(connection)) {
      const position = this.#idle.indexOf(connection);
      if (position !== -1) this.#idle.splice(position, 1);
    }
    this.#afterLoss();
  }

  /** A connection less: room for one who waits. */
  #afterLoss(): void {
    if (!this.#mayOpen()) return;
    const next = this.#waiting.shift();
    if (next !== undefined) this.#open(next);
  }

  #startSweep(): void {
    this.#sweep ??= this.#options.timers.after(SWEEP_MS, () => this.#onSweep());
  }

  #onSweep(): void {
    const { timers, onUnused } = this.#options;
    this.#sweep = undefined;
    for (const connection of this.#idle.filter(({ expiresAtMs }) => expiresAtMs <= timers.nowMs))
      connection.destroy();
    const { inFlight, idle, waiting } = this.stats();
    if (inFlight + idle + waiting === 0) onUnused();
    else this.#startSweep();
  }
}

/** A body that broke while its request waited. */
function isSpoilt({ framing, state }: { framing: { kind: string }; state: string }): boolean {
  return framing.kind !== 'none' && state !== 'unread';
}

function failSoon(exchange: Http1Exchange, failure: BackendFailure): void {
  process.nextTick(() => exchange.fail(failure));
}
