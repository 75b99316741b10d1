import type { Socket } from 'node:net';
import type { Timer } from '../../../time/timers.ts';
import type { BackendFailure } from '../backend-call.ts';
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
  /** A connection that somebody else has opened. */
  adopt(socket: Socket, inlet: Inlet): void;
}

const SWEEP_MS = 1_000;

/** HTTP/1.1 to one origin. */
export function createHttp1Pool(options: Http1PoolOptions): Http1Pool {
  const { origin, timers, idleMs, maxWaiting, onUnused, onHttp2 } = options;
  /** The one used last is the first to be used again: the others may grow old and go. */
  const idle: Http1Connection[] = [];
  const busy = new Set<Http1Connection>();
  /** Attempts to connect, and what they are for. */
  const opening = new Map<Http1Exchange, () => void>();
  const waiting: Http1Exchange[] = [];
  let sweep: Timer | undefined;
  const connectionOptions: ConnectionOptions = { ...options, tls: createTlsMemory(), onIdle, onGone };

  /** Stands in for the connection until there is one. */
  const queue: Carrier = {
    pause: () => {},
    resume: () => {},
    bodyData: () => {},
    bodyEnd: () => {},
    bodyError: () => {},
    abort: (exchange) => {
      const position = waiting.indexOf(exchange);
      if (position !== -1) waiting.splice(position, 1);
      const giveUp = opening.get(exchange);
      opening.delete(exchange);
      giveUp?.();
      afterLoss();
    },
  };

  return {
    send: (request, sink) => {
      const head = requestHead(request);
      const exchange = new Http1Exchange(request, sink, head ?? '', queue);
      if (head === undefined) failSoon(exchange, { progress: 'not-sent', reason: 'malformed' });
      else place(exchange);
      return exchange;
    },
    adopt: (socket, inlet) => {
      sweep ??= timers.after(SWEEP_MS, onSweep);
      const connection = attachHttp1(socket, inlet, connectionOptions);
      connection.expiresAtMs = timers.nowMs + idleMs;
      onIdle(connection);
    },
    stats: () => ({ inFlight: busy.size + opening.size, idle: idle.length, waiting: waiting.length }),
    close: () => {
      for (const exchange of waiting.splice(0)) exchange.fail({ progress: 'not-sent', reason: 'closed' });
      for (const [exchange, giveUp] of opening) {
        giveUp();
        exchange.fail({ progress: 'not-sent', reason: 'closed' });
      }
      opening.clear();
      for (const connection of [...idle, ...busy]) connection.destroy();
      sweep?.cancel();
    },
  };

  function place(exchange: Http1Exchange): void {
    sweep ??= timers.after(SWEEP_MS, onSweep);
    const connection = takeIdle();
    if (connection !== undefined) start(connection, exchange);
    else if (busy.size + opening.size < origin.maxConnections) open(exchange);
    else if (waiting.length < maxWaiting) waiting.push(exchange);
    else failSoon(exchange, { progress: 'not-sent', reason: 'refused' });
  }

  function takeIdle(): Http1Connection | undefined {
    for (let last = idle.pop(); last !== undefined; last = idle.pop()) {
      if (last.expiresAtMs > timers.nowMs) return last;
      last.destroy();
    }
    return undefined;
  }

  function start(connection: Http1Connection, exchange: Http1Exchange): void {
    const { body } = exchange.request;
    if (body !== undefined && !(body instanceof Uint8Array) && isSpoilt(body)) {
      onIdle(connection);
      failSoon(exchange, { progress: 'not-sent', reason: 'request-body' });
    } else {
      busy.add(connection);
      connection.start(exchange);
    }
  }

  function open(exchange: Http1Exchange): void {
    // A WebSocket is opened by HTTP/1.1.
    const onOther = exchange.request.upgrade ? undefined : onHttp2;
    const giveUp = openHttp1Connection(connectionOptions, onOther, (failure, connection) => {
      const isWanted = opening.delete(exchange);
      if (connection !== undefined) {
        if (isWanted) start(connection, exchange);
        else connection.destroy();
        return;
      }
      if (failure !== undefined) exchange.fail(failure);
      afterLoss();
    });
    opening.set(exchange, giveUp);
  }

  function onIdle(connection: Http1Connection): void {
    busy.delete(connection);
    const next = waiting.shift();
    if (next === undefined) idle.push(connection);
    else start(connection, next);
  }

  function onGone(connection: Http1Connection): void {
    if (!busy.delete(connection)) {
      const position = idle.indexOf(connection);
      if (position !== -1) idle.splice(position, 1);
    }
    afterLoss();
  }

  /** A connection less: room for one who waits. */
  function afterLoss(): void {
    if (busy.size + opening.size < origin.maxConnections) {
      const next = waiting.shift();
      if (next !== undefined) open(next);
    }
  }

  function onSweep(): void {
    sweep = undefined;
    for (const connection of idle.filter(({ expiresAtMs }) => expiresAtMs <= timers.nowMs))
      connection.destroy();
    if (busy.size + opening.size + idle.length + waiting.length === 0) onUnused();
    else sweep = timers.after(SWEEP_MS, onSweep);
  }
}

/** A body that broke while its request waited. */
function isSpoilt({ framing, state }: { framing: { kind: string }; state: string }): boolean {
  return framing.kind !== 'none' && state !== 'unread';
}

function failSoon(exchange: Http1Exchange, failure: BackendFailure): void {
  process.nextTick(() => exchange.fail(failure));
}
