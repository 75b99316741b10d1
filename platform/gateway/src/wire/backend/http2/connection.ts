import { type ClientHttp2Session, connect } from 'node:http2';
import type { Socket } from 'node:net';
import { hostInUrl } from '@flotilla/kernel/addresses';
import type { Timers } from '../../../time/timers.ts';
import type { Origin } from '../backend-call.ts';
import type { Http2Exchange } from './exchange.ts';

/** A connection to a back end, and the exchanges that it carries. */
export interface Http2Connection {
  /** Takes one more exchange now. */
  readonly hasRoom: boolean;
  readonly isIdle: boolean;
  start(exchange: Http2Exchange): void;
  /** The exchange is over. */
  release(exchange: Http2Exchange): void;
  /** From time to time: ends what is too old or unused for too long, and asks what carries exchanges for a sign of life. */
  tend(): void;
  destroy(): void;
}

export interface ConnectionOptions {
  readonly origin: Origin;
  readonly timers: Timers;
  /** An unused connection is kept so long. */
  readonly idleMs: number;
  /** Perhaps there is room now. */
  onRoom(): void;
  onGone(connection: Http2Connection): void;
}

/** A connection with exchanges is asked for a sign of life so often, and must answer before the next one. */
const PING_MS = 15_000;
/** Until the back end has told its own limit (RFC 9113 §6.5.2 advises no lower one). */
const FIRST_STREAMS = 100;
/** For all streams of a session together; a stream alone is held to the 64 KiB of the protocol. */
const SESSION_WINDOW_BYTES = 1_048_576;

export const schemeOf = ({ secure }: Origin): 'http' | 'https' => (secure ? 'https' : 'http');

/** On a socket that is open and speaks HTTP/2. */
export function attachHttp2(socket: Socket, options: ConnectionOptions): Http2Connection {
  const { origin, timers, idleMs } = options;
  const http2 = openSession(socket, origin);
  const exchanges = new Set<Http2Exchange>();
  const lifeEndsAtMs = timers.nowMs + origin.connectionLifetimeMs;
  const vitals = watchVitals(http2, timers);
  let isClosing = false;
  let idleSinceMs = timers.nowMs;

  const connection: Http2Connection = {
    get hasRoom() {
      const { maxConcurrentStreams = FIRST_STREAMS } = http2.remoteSettings;
      return !isClosing && exchanges.size < maxConcurrentStreams;
    },
    get isIdle() {
      return exchanges.size === 0;
    },
    start: (exchange) => {
      exchanges.add(exchange);
      exchange.start(http2);
    },
    release: (exchange) => {
      exchanges.delete(exchange);
      if (exchanges.size === 0) idleSinceMs = timers.nowMs;
    },
    tend: () => {
      const isUnused = exchanges.size === 0 && timers.nowMs - idleSinceMs >= idleMs;
      if (timers.nowMs >= lifeEndsAtMs || isUnused) {
        isClosing = true;
        // Streams that are under way are finished.
        if (!http2.closed) http2.close();
      }
      if (exchanges.size > 0) vitals.check();
    },
    destroy: () => http2.destroy(),
  };

  http2.on('remoteSettings', () => options.onRoom());
  http2.on('goaway', (_code, lastStreamId) => {
    isClosing = true;
    for (const exchange of [...exchanges]) exchange.unprocessedAbove(lastStreamId);
  });
  http2.on('close', () => {
    isClosing = true;
    options.onGone(connection);
    for (const exchange of [...exchanges]) exchange.fail({ progress: 'unanswered', reason: 'closed' });
    options.onRoom();
  });
  return connection;
}

function openSession(socket: Socket, origin: Origin): ClientHttp2Session {
  const http2 = connect(`${schemeOf(origin)}://${hostInUrl(origin.host)}`, {
    createConnection: () => socket,
    settings: { enablePush: false },
    peerMaxConcurrentStreams: FIRST_STREAMS,
    // Otherwise a field with a blank at an end of its value is left out, without a word.
    strictFieldWhitespaceValidation: false,
  });
  http2.on('connect', () => http2.setLocalWindowSize(SESSION_WINDOW_BYTES));
  // Told to the exchanges by the end of their streams.
  http2.on('error', () => {});
  return http2;
}

/** Ends a session that does not answer a ping before the next one is due. */
function watchVitals(http2: ClientHttp2Session, timers: Timers): { check(): void } {
  let askedAtMs = timers.nowMs;
  let isAsked = false;
  return {
    check: () => {
      if (timers.nowMs - askedAtMs < PING_MS) return;
      if (isAsked) {
        http2.destroy();
        return;
      }
      askedAtMs = timers.nowMs;
      isAsked = http2.ping((error) => {
        if (error === null) isAsked = false;
      });
    },
  };
}
