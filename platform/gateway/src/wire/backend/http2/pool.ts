import { type ClientHttp2Session, connect } from 'node:http2';
import type { Socket } from 'node:net';
import type { Timer } from '../../../time/timers.ts';
import type { BackendFailure } from '../backend-call.ts';
import { createTlsMemory, type Inlet, isHttp2, openSocket } from '../open-socket.ts';
import type { OriginPool, OriginPoolOptions } from '../pool.ts';
import { createHttp2Exchange, type Http2Exchange } from './exchange.ts';

/** One HTTP/2 connection and what it carries. */
interface Session {
  readonly http2: ClientHttp2Session;
  readonly exchanges: Set<Http2Exchange>;
  readonly lifeEndsAtMs: number;
  /** Takes no further exchanges. */
  isClosing: boolean;
  idleSinceMs: number;
  /** The last sign of life that was asked for. */
  askedAtMs: number;
  isAsked: boolean;
}

const HTTP2 = ['h2'] as const;
const HTTP2_OR_1 = ['h2', 'http/1.1'] as const;
const OTHER_PROTOCOL: BackendFailure = { progress: 'not-sent', reason: 'other-protocol' };
const SWEEP_MS = 1_000;
/** A connection with exchanges is asked for a sign of life so often, and must answer before the next one. */
const PING_MS = 15_000;
/** Until the back end has told its own limit (RFC 9113 §6.5.2 advises no lower one). */
const FIRST_STREAMS = 100;
/** For all streams of a session together; a stream alone is held to the 64 KiB of the protocol. */
const SESSION_WINDOW_BYTES = 1_048_576;

export interface Http2PoolOptions extends OriginPoolOptions {
  /**
   * HTTP/1.1 is offered, too. A connection that chooses it is handed over, and those who waited for it fail with
   * `other-protocol`.
   */
  readonly lower?: { readonly readBuffer: Buffer; onHttp1(socket: Socket, inlet: Inlet): void };
}

export interface Http2Pool extends OriginPool {
  /** A connection that somebody else has opened; closed at once when there are enough. */
  adopt(socket: Socket): void;
}

/** HTTP/2 to one origin: one connection, and more when its back end allows no further streams. */
export function createHttp2Pool(options: Http2PoolOptions): Http2Pool {
  const { origin, timers, idleMs, bodyIdleMs, maxWaiting, onUnused, lower } = options;
  const scheme = origin.secure ? 'https' : 'http';
  const tls = createTlsMemory();
  const sessions = new Set<Session>();
  const waiting: Http2Exchange[] = [];
  const home = new Map<Http2Exchange, Session>();
  let attempt: { readonly socket: Socket | undefined } | undefined;
  let sweep: Timer | undefined;
  let isClosed = false;

  return {
    send: (request, sink) => {
      const exchange = createHttp2Exchange({ request, sink, timers, bodyIdleMs, scheme, onOver });
      sweep ??= timers.after(SWEEP_MS, onSweep);
      if (waiting.length < maxWaiting) {
        waiting.push(exchange);
        // Failures must not come before the caller has the call in hand.
        if (waiting.length === 1) process.nextTick(serve);
      } else process.nextTick(exchange.fail, { progress: 'not-sent', reason: 'refused' });
      return exchange;
    },
    adopt: (socket) => {
      sweep ??= timers.after(SWEEP_MS, onSweep);
      if (withFreeStream() === undefined) add(socket);
      else socket.on('error', () => {}).destroy();
      serve();
    },
    stats: () => {
      const idle = [...sessions].filter(({ exchanges }) => exchanges.size === 0).length;
      return { inFlight: home.size, idle, waiting: waiting.length };
    },
    close: () => {
      isClosed = true;
      sweep?.cancel();
      failWaiting({ progress: 'not-sent', reason: 'closed' });
      attempt?.socket?.destroy();
      for (const { http2 } of sessions) http2.destroy();
    },
  };

  /** Gives those who wait a place, as far as there is one. */
  function serve(): void {
    while (waiting.length > 0 && home.size < origin.maxConnections) {
      const session = withFreeStream();
      if (session === undefined) open();
      const exchange = session && waiting.shift();
      if (session === undefined || exchange === undefined) return;
      session.exchanges.add(exchange);
      home.set(exchange, session);
      exchange.start(session.http2);
    }
  }

  function withFreeStream(): Session | undefined {
    for (const session of sessions) {
      const { maxConcurrentStreams = FIRST_STREAMS } = session.http2.remoteSettings;
      if (!session.isClosing && session.exchanges.size < maxConcurrentStreams) return session;
    }
    return undefined;
  }

  function onOver(exchange: Http2Exchange): void {
    const session = home.get(exchange);
    home.delete(exchange);
    session?.exchanges.delete(exchange);
    if (session?.exchanges.size === 0) session.idleSinceMs = timers.nowMs;
    const position = session === undefined ? waiting.indexOf(exchange) : -1;
    if (position !== -1) waiting.splice(position, 1);
    if (waiting.length > 0) process.nextTick(serve);
  }

  function open(): void {
    if (attempt !== undefined || isClosed) return;
    const inlet: Inlet | undefined = lower && { buffer: lower.readBuffer, receive: () => false };
    const offers = lower === undefined ? HTTP2 : HTTP2_OR_1;
    const opening = { origin, timers, tls, offers, ...(inlet && { inlet }) };
    const socket = openSocket(opening, (failure, ready) => {
      attempt = undefined;
      // In the clear it is known beforehand.
      if (failure === undefined && (!origin.secure || isHttp2(ready))) {
        add(ready);
        serve();
        return;
      }
      if (failure === undefined && inlet !== undefined) {
        lower?.onHttp1(ready, inlet);
        failWaiting(OTHER_PROTOCOL);
        return;
      }
      ready?.on('error', () => {}).destroy();
      // Those beyond the streams of a living session go on waiting for it, and for the next attempt.
      if (home.size === 0) failWaiting(failure ?? OTHER_PROTOCOL);
    });
    attempt = { socket };
  }

  function add(socket: Socket): void {
    const http2 = connect(`${scheme}://${origin.host.includes(':') ? `[${origin.host}]` : origin.host}`, {
      createConnection: () => socket,
      settings: { enablePush: false },
      peerMaxConcurrentStreams: FIRST_STREAMS,
      // Otherwise a field with a blank at an end of its value is left out, without a word.
      strictFieldWhitespaceValidation: false,
    });
    const session: Session = {
      http2,
      exchanges: new Set(),
      lifeEndsAtMs: timers.nowMs + origin.connectionLifetimeMs,
      isClosing: false,
      idleSinceMs: timers.nowMs,
      askedAtMs: timers.nowMs,
      isAsked: false,
    };
    sessions.add(session);
    http2.on('connect', () => http2.setLocalWindowSize(SESSION_WINDOW_BYTES));
    http2.on('remoteSettings', () => serve());
    http2.on('goaway', (_code, lastStreamId) => {
      session.isClosing = true;
      for (const exchange of [...session.exchanges]) exchange.unprocessedAbove(lastStreamId);
    });
    // Told to the exchanges by the end of their streams.
    http2.on('error', () => {});
    http2.on('close', () => {
      session.isClosing = true;
      sessions.delete(session);
      for (const exchange of [...session.exchanges])
        exchange.fail({ progress: 'unanswered', reason: 'closed' });
      serve();
    });
  }

  function failWaiting(failure: BackendFailure): void {
    for (const exchange of [...waiting]) exchange.fail(failure);
  }

  function onSweep(): void {
    sweep = undefined;
    for (const session of sessions) tend(session);
    serve();
    if (sessions.size + waiting.length === 0 && attempt === undefined) onUnused();
    else sweep = timers.after(SWEEP_MS, onSweep);
  }

  function tend(session: Session): void {
    const { nowMs } = timers;
    const isIdle = session.exchanges.size === 0;
    if (nowMs >= session.lifeEndsAtMs || (isIdle && nowMs - session.idleSinceMs >= idleMs)) {
      session.isClosing = true;
      // Streams that are under way are finished.
      if (!session.http2.closed) session.http2.close();
    }
    if (isIdle || nowMs - session.askedAtMs < PING_MS) return;
    if (session.isAsked) {
      session.http2.destroy();
      return;
    }
    session.askedAtMs = nowMs;
    session.isAsked = session.http2.ping((error) => {
      if (error === null) session.isAsked = false;
    });
  }
}
