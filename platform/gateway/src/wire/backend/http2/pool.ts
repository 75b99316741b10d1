import type { Socket } from 'node:net';
import type { Timer } from '../../../time/timers.ts';
import type { BackendFailure } from '../backend-call.ts';
import { createTlsMemory, type Inlet, isHttp2, openSocket } from '../open-socket.ts';
import type { OriginPool, OriginPoolOptions } from '../pool.ts';
import { attachHttp2, type ConnectionOptions, type Http2Connection, schemeOf } from './connection.ts';
import { Http2Exchange } from './exchange.ts';

const HTTP2 = ['h2'] as const;
const HTTP2_OR_1 = ['h2', 'http/1.1'] as const;
const OTHER_PROTOCOL: BackendFailure = { progress: 'not-sent', reason: 'other-protocol' };
const SWEEP_MS = 1_000;

export interface Http2PoolOptions extends OriginPoolOptions {
  /**
   * HTTP/1.1 is offered, too. A connection that chooses it is handed over, and those who waited for it fail with
   * `other-protocol`.
   */
  readonly lower?: { readonly readBuffer: Buffer; onHttp1(socket: Socket, inlet: Inlet): void };
}

export interface Http2Pool extends OriginPool {
  /** Takes over an open connection; closes it at once when there are enough. */
  adopt(socket: Socket): void;
}

/** HTTP/2 to one origin: one connection, and more when its back end allows no further streams. */
export function createHttp2Pool(options: Http2PoolOptions): Http2Pool {
  const { timers, maxWaiting, origin } = options;
  const carried = new Map<Http2Exchange, Http2Connection>();
  const waiting: Http2Exchange[] = [];
  const connections = new Set<Http2Connection>();
  const openConnection = createOpener(options, { opened: add, failed });
  const scheme = schemeOf(origin);
  const connectionOptions: ConnectionOptions = {
    ...options,
    onRoom: serve,
    onGone: (connection) => connections.delete(connection),
  };
  let sweep: Timer | undefined;

  return {
    send: (request, sink) => {
      const exchange = new Http2Exchange({ request, sink, timers, scheme, onOver });
      sweep ??= timers.after(SWEEP_MS, onSweep);
      if (waiting.length < maxWaiting) {
        waiting.push(exchange);
        // Failures must not come before the caller has the call in hand.
        if (waiting.length === 1) process.nextTick(serve);
      } else process.nextTick(() => exchange.fail({ progress: 'not-sent', reason: 'refused' }));
      return exchange;
    },
    adopt: (socket) => {
      sweep ??= timers.after(SWEEP_MS, onSweep);
      if (withRoom() === undefined) add(socket);
      else socket.on('error', () => {}).destroy();
      serve();
    },
    stats: () => {
      const idle = [...connections].filter(({ isIdle }) => isIdle).length;
      return { inFlight: carried.size, idle, waiting: waiting.length };
    },
    close: () => {
      sweep?.cancel();
      failWaiting({ progress: 'not-sent', reason: 'closed' });
      openConnection.close();
      for (const connection of connections) connection.destroy();
    },
  };

  /** Gives those who wait a place, as far as there is one. */
  function serve(): void {
    while (waiting.length > 0 && carried.size < origin.maxConnections) {
      const connection = withRoom();
      if (connection === undefined) openConnection.begin();
      const exchange = connection && waiting.shift();
      if (connection === undefined || exchange === undefined) return;
      carried.set(exchange, connection);
      connection.start(exchange);
    }
  }

  function withRoom(): Http2Connection | undefined {
    for (const connection of connections) if (connection.hasRoom) return connection;
    return undefined;
  }

  function onOver(exchange: Http2Exchange): void {
    const connection = carried.get(exchange);
    carried.delete(exchange);
    connection?.release(exchange);
    const position = connection === undefined ? waiting.indexOf(exchange) : -1;
    if (position !== -1) waiting.splice(position, 1);
    if (waiting.length > 0) process.nextTick(serve);
  }

  function add(socket: Socket): void {
    connections.add(attachHttp2(socket, connectionOptions));
    serve();
  }

  function failed(failure: BackendFailure, forAll: boolean): void {
    // Those beyond the streams of a living connection go on waiting for it, and for the next attempt.
    if (forAll || carried.size === 0) failWaiting(failure);
  }

  function failWaiting(failure: BackendFailure): void {
    for (const exchange of [...waiting]) exchange.fail(failure);
  }

  function onSweep(): void {
    sweep = undefined;
    for (const connection of connections) connection.tend();
    serve();
    if (connections.size + waiting.length === 0 && !openConnection.isBusy) options.onUnused();
    else sweep = timers.after(SWEEP_MS, onSweep);
  }
}

interface Opener {
  /** One attempt at a time. */
  begin(): void;
  readonly isBusy: boolean;
  close(): void;
}

function createOpener(
  { origin, timers, lower }: Http2PoolOptions,
  on: {
    readonly opened: (socket: Socket) => void;
    /** `forAll`: every waiting request must go elsewhere. */
    readonly failed: (failure: BackendFailure, forAll: boolean) => void;
  },
): Opener {
  const tls = createTlsMemory();
  let attempt: { readonly socket: Socket | undefined } | undefined;
  let isClosed = false;

  return {
    begin: () => {
      if (attempt !== undefined || isClosed) return;
      const inlet: Inlet | undefined = lower && { buffer: lower.readBuffer, receive: () => false };
      const offers = lower === undefined ? HTTP2 : HTTP2_OR_1;
      const opening = { origin, timers, tls, offers, ...(inlet && { inlet }) };
      const socket = openSocket(opening, (failure, ready) => {
        attempt = undefined;
        // In the clear it is known beforehand.
        if (failure === undefined && (!origin.secure || isHttp2(ready))) on.opened(ready);
        else if (failure === undefined && inlet !== undefined) {
          lower?.onHttp1(ready, inlet);
          on.failed(OTHER_PROTOCOL, true);
        } else {
          ready?.on('error', () => {}).destroy();
          on.failed(failure ?? OTHER_PROTOCOL, false);
        }
      });
      attempt = { socket };
    },
    get isBusy() {
      return attempt !== undefined;
    },
    close: () => {
      isClosed = true;
      attempt?.socket?.destroy();
    },
  };
}
