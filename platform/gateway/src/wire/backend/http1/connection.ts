import type { Socket } from 'node:net';
import type { Timer, Timers } from '../../../time/timers.ts';
import type { Fields } from '../../rules/fields.ts';
import type { Refusal } from '../../rules/refusal.ts';
import type { ResponseHead } from '../../rules/response.ts';
import type { BackendFailure, BackendRequest, Origin } from '../backend-call.ts';
import { type Inlet, isHttp2, openSocket, type TlsMemory } from '../open-socket.ts';
import type { Carrier, Http1Exchange } from './exchange.ts';
import { createResponseParser } from './response-parser.ts';
import { createUpload } from './upload.ts';

/** A connection to a back end: one exchange at a time. */
export interface Http1Connection extends Carrier {
  start(exchange: Http1Exchange): void;
  /** While idle: no use after this. */
  expiresAtMs: number;
  /** Ends it, and with it the exchange that it carries. */
  destroy(): void;
}

export interface ConnectionOptions {
  readonly origin: Origin;
  readonly timers: Timers;
  readonly tls: TlsMemory;
  /** Idle connections live so long, or a second less than the back end says. */
  readonly idleMs: number;
  /** A response that has begun may pause so long. */
  readonly bodyIdleMs: number;
  /**
   * All connections read into this one: what is kept of it is copied within the read. A buffer for each read
   * would cost more than the copy of most responses.
   */
  readonly readBuffer: Buffer;
  /** The exchange is over and the connection good for another one. */
  onIdle(connection: Http1Connection): void;
  /** Once, whatever ended it. */
  onGone(connection: Http1Connection): void;
}

type Opened = (failure: BackendFailure | undefined, connection: Http1Connection | undefined) => void;

/** A back end may close a connection in the moment in which a request is written to it. */
const KEEP_ALIVE_MARGIN_MS = 1_000;

/**
 * Calls `opened` once, never within this call. Returns what gives the attempt up. With `onHttp2` that is offered,
 * too: a connection that chooses it is handed over there, and the attempt has failed.
 */
export function openHttp1Connection(
  options: ConnectionOptions,
  onHttp2: ((socket: Socket) => void) | undefined,
  opened: Opened,
): () => void {
  const { origin, timers, tls, readBuffer } = options;
  let speaksFirst = false;
  const inlet: Inlet = {
    buffer: readBuffer,
    // Nothing was asked yet, so nothing may be said.
    receive: () => {
      speaksFirst = true;
      return false;
    },
  };
  const offers = onHttp2 === undefined ? HTTP1 : HTTP2_OR_1;
  const socket = openSocket({ origin, timers, tls, offers, inlet }, (failure, ready) => {
    if (failure !== undefined) return opened(failure, undefined);
    if (onHttp2 !== undefined && isHttp2(ready)) {
      onHttp2(ready);
      return opened({ progress: 'not-sent', reason: 'other-protocol' }, undefined);
    }
    if (speaksFirst) {
      ready.on('error', () => {}).destroy();
      return opened({ progress: 'not-sent', reason: 'malformed' }, undefined);
    }
    opened(undefined, attachHttp1(ready, inlet, options));
  });
  return () => socket?.destroy();
}

const HTTP1 = ['http/1.1'] as const;
const HTTP2_OR_1 = ['h2', 'http/1.1'] as const;

/** On a socket that is open and has said nothing yet. */
export function attachHttp1(socket: Socket, inlet: Inlet, options: ConnectionOptions): Http1Connection {
  const { origin, timers, idleMs, bodyIdleMs, readBuffer, onIdle, onGone } = options;
  const lifeEndsAtMs = timers.nowMs + origin.connectionLifetimeMs;
  const upload = createUpload(socket);
  let exchange: Http1Exchange | undefined;
  let isOpen = true;
  let isSwitched = false;
  /** Has any byte come since the request was sent? */
  let isAnswered = false;
  let isReceiving = false;
  let isPaused = false;
  let isPersistent = false;
  let idleLimitMs = idleMs;
  let lastByteAtMs = 0;
  let stallTimer: Timer | undefined;
  let switchedHead: ResponseHead | undefined;
  /** The field by which responses on this connection have told whose they are. */
  let echoedName: string | undefined;

  const parser = createResponseParser({
    head: (final) => {
      if (exchange === undefined) return false;
      if (isForeign(final.head.fields, exchange.request.requestId)) {
        fail({ progress: 'unanswered', reason: 'foreign-answer' });
        return false;
      }
      isPersistent = final.persistent;
      const { keepAliveMs = Number.POSITIVE_INFINITY } = final;
      idleLimitMs = Math.min(idleMs, keepAliveMs - KEEP_ALIVE_MARGIN_MS);
      if (final.body === 'switched') switchedHead = final.head;
      else exchange.sink.head(final.head);
      return exchange !== undefined;
    },
    data: (chunk) => exchange?.sink.data(Buffer.from(chunk)),
  });

  const connection: Http1Connection = {
    start: (next) => {
      exchange = next;
      next.carrier = connection;
      isAnswered = false;
      parser.begin(next.request.method, next.request.upgrade);
      upload.start(next);
    },
    expiresAtMs: 0,
    destroy: () => {
      fail({ progress: isAnswered ? 'broken' : 'unanswered', reason: 'closed' });
      close();
    },
    pause: () => {
      isPaused = true;
      if (!isReceiving) socket.pause();
    },
    resume: () => {
      if (!isPaused) return;
      isPaused = false;
      lastByteAtMs = timers.nowMs;
      if (!isReceiving) socket.resume();
    },
    abort: () => {
      exchange = undefined;
      close();
    },
    bodyData: (chunk) => {
      if (!upload.data(chunk)) failBody(undefined);
    },
    bodyEnd: () => {
      if (!upload.end()) failBody(undefined);
    },
    bodyError: (refusal) => failBody(refusal),
  };

  socket.on('drain', upload.drained).on('end', onEnd).on('error', onError).on('close', onClose);
  inlet.receive = received;
  return connection;

  function received(count: number): boolean {
    if (isSwitched) return socket.push(Buffer.from(readBuffer.subarray(0, count)));
    if (exchange === undefined) {
      // Bytes on an idle connection are nobody's.
      close();
      return false;
    }
    if (upload.isHeld) {
      fail({ progress: 'not-sent', reason: 'foreign-answer' });
      return false;
    }
    isAnswered = true;
    lastByteAtMs = timers.nowMs;
    isReceiving = true;
    const reading = parser.feed(readBuffer, count);
    isReceiving = false;
    if (reading === 'more') stallTimer ??= timers.after(bodyIdleMs, onStall);
    else if (reading === 'end') complete(parser.consumed < count);
    else if (reading === 'switched') handOver(count);
    else if (reading !== 'stopped') fail({ progress: 'broken', reason: reading });
    return isOpen && !isPaused;
  }

  function isForeign({ names, values }: Fields, sent: BackendRequest['requestId']): boolean {
    if (sent === undefined) return false;
    const { lower } = sent.name;
    let isThere = false;
    for (let index = 0; index < names.length; index += 1) {
      if (names[index]?.lower !== lower) continue;
      if (values[index] !== sent.value) return true;
      isThere = true;
    }
    if (isThere) echoedName = lower;
    return !isThere && echoedName === lower;
  }

  /** The response is complete, and the connection free if nothing speaks against it. */
  function complete(hasSurplus: boolean): void {
    const done = exchange;
    if (done === undefined) return;
    exchange = undefined;
    isPaused = false;
    stallTimer?.cancel();
    stallTimer = undefined;
    connection.expiresAtMs = Math.min(timers.nowMs + idleLimitMs, lifeEndsAtMs);
    const isClean = upload.isComplete && socket.writableLength === 0 && !hasSurplus;
    if (isClean && isPersistent && connection.expiresAtMs > timers.nowMs) onIdle(connection);
    else close();
    done.over();
    done.sink.end(undefined);
  }

  function handOver(count: number): void {
    const done = exchange;
    if (done === undefined || switchedHead === undefined) return;
    exchange = undefined;
    isSwitched = true;
    socket.off('drain', upload.drained).off('end', onEnd).off('error', onError);
    const early = Buffer.from(readBuffer.subarray(parser.consumed, count));
    done.over();
    done.sink.switched(switchedHead, socket, early);
  }

  function fail(failure: BackendFailure): void {
    const failed = exchange;
    if (failed === undefined) return;
    exchange = undefined;
    close();
    failed.fail(failure);
  }

  function failBody(refusal: Refusal | undefined): void {
    const progress = isAnswered ? 'broken' : 'unanswered';
    fail({ progress, reason: 'request-body', ...(refusal && { refusal }) });
  }

  function close(): void {
    if (!isOpen) return;
    isOpen = false;
    parser.stop();
    stallTimer?.cancel();
    socket.destroy();
    onGone(connection);
  }

  function onStall(): void {
    stallTimer = undefined;
    if (exchange === undefined) return;
    const leftMs = isPaused ? bodyIdleMs : lastByteAtMs + bodyIdleMs - timers.nowMs;
    if (leftMs > 0) stallTimer = timers.after(leftMs, onStall);
    else fail({ progress: 'broken', reason: 'idle' });
  }

  function onEnd(): void {
    if (parser.endsWithConnection) complete(false);
    onClose();
  }

  function onError(error: Error): void {
    fail({ progress: isAnswered ? 'broken' : 'unanswered', reason: 'closed', cause: error });
    close();
  }

  function onClose(): void {
    fail({ progress: isAnswered ? 'broken' : 'unanswered', reason: 'closed' });
    close();
  }
}
