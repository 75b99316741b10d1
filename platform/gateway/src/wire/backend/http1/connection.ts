import type { Socket } from 'node:net';
import type { Timer, Timers } from '../../../time/timers.ts';
import type { Fields } from '../../rules/fields.ts';
import type { Refusal } from '../../rules/refusal.ts';
import type { ResponseHead } from '../../rules/response.ts';
import type { BackendFailure, BackendRequest, Origin } from '../backend-call.ts';
import { type Inlet, isHttp2, openSocket, type TlsMemory } from '../open-socket.ts';
import type { Carrier, Http1Exchange } from './exchange.ts';
import type { FinalHead } from './response-head.ts';
import { createResponseParser, type ResponseParser } from './response-parser.ts';
import { createUpload, type Upload } from './upload.ts';

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
  /**
   * All connections read into this one: what is kept of it is copied within the read. A buffer for each read
   * would cost more than the copy of most responses.
   */
  readonly readBuffer: Buffer;
  /** The exchange is over and the connection can be reused. */
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
  return new Connection(socket, inlet, options);
}

/** A class, since its methods are called for every piece of every response. */
class Connection implements Http1Connection {
  expiresAtMs: number = 0;
  readonly #socket: Socket;
  readonly #options: ConnectionOptions;
  readonly #lifeEndsAtMs: number;
  readonly #upload: Upload;
  readonly #parser: ResponseParser;
  readonly #owner = createOwnerCheck();
  /** `undefined` = idle, handed over or closed. */
  #exchange: Http1Exchange | undefined;
  #isOpen: boolean = true;
  /** The head of a 101: from then on bytes are the caller's. */
  #switchedHead: ResponseHead | undefined;
  #isSwitched: boolean = false;
  /** Has any byte come since the request was sent? */
  #isAnswered: boolean = false;
  #isReceiving: boolean = false;
  #isPaused: boolean = false;
  #isPersistent: boolean = false;
  #idleLimitMs: number;
  #lastByteAtMs: number = 0;
  #stallTimer: Timer | undefined;

  constructor(socket: Socket, inlet: Inlet, options: ConnectionOptions) {
    const { timers, origin, idleMs } = options;
    this.#socket = socket;
    this.#options = options;
    this.#idleLimitMs = idleMs;
    this.#lifeEndsAtMs = timers.nowMs + origin.connectionLifetimeMs;
    this.#upload = createUpload(socket);
    this.#parser = createResponseParser({
      head: (final) => this.#head(final),
      data: (chunk) => this.#exchange?.sink.data(Buffer.from(chunk)),
    });
    socket.on('drain', this.#upload.drained).on('end', this.#ended);
    socket.on('error', this.#failed).on('close', this.#closed);
    inlet.receive = (count) => this.#receive(count);
  }

  start(exchange: Http1Exchange): void {
    this.#exchange = exchange;
    exchange.carrier = this;
    this.#isAnswered = false;
    this.#parser.begin(exchange.request.method, exchange.request.upgrade);
    this.#upload.start(exchange);
  }

  destroy(): void {
    this.#break();
  }

  pause(): void {
    this.#isPaused = true;
    if (!this.#isReceiving) this.#socket.pause();
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#lastByteAtMs = this.#options.timers.nowMs;
    if (!this.#isReceiving) this.#socket.resume();
  }

  abort(): void {
    this.#exchange = undefined;
    this.#close();
  }

  bodyData(chunk: Buffer): void {
    if (!this.#upload.data(chunk)) this.bodyError(undefined);
  }

  bodyEnd(): void {
    if (!this.#upload.end()) this.bodyError(undefined);
  }

  bodyError(refusal: Refusal | undefined): void {
    const progress = this.#isAnswered ? 'broken' : 'unanswered';
    this.#fail({ progress, reason: 'request-body', ...(refusal && { refusal }) });
  }

  // What the back end says

  #receive(count: number): boolean {
    const { readBuffer, timers } = this.#options;
    if (this.#isSwitched) return this.#socket.push(Buffer.from(readBuffer.subarray(0, count)));
    if (this.#exchange === undefined) {
      // Bytes on an idle connection belong to no request.
      this.#close();
      return false;
    }
    if (this.#upload.isHeld) {
      this.#fail({ progress: 'not-sent', reason: 'foreign-answer' });
      return false;
    }
    this.#isAnswered = true;
    this.#lastByteAtMs = timers.nowMs;
    this.#isReceiving = true;
    const reading = this.#parser.feed(readBuffer, count);
    this.#isReceiving = false;
    if (reading === 'more') this.#watchSilence();
    else if (reading === 'end') this.#complete(this.#parser.consumed < count);
    else if (reading === 'switched') this.#handOver(count);
    else if (reading !== 'stopped') this.#fail({ progress: 'broken', reason: reading });
    return this.#isOpen && !this.#isPaused;
  }

  /** `false` = read no further. */
  #head(final: FinalHead): boolean {
    const exchange = this.#exchange;
    if (exchange === undefined) return false;
    if (this.#owner.isForeign(final.head.fields, exchange.request.requestId)) {
      this.#fail({ progress: 'unanswered', reason: 'foreign-answer' });
      return false;
    }
    this.#isPersistent = final.persistent;
    const { keepAliveMs = Number.POSITIVE_INFINITY } = final;
    this.#idleLimitMs = Math.min(this.#options.idleMs, keepAliveMs - KEEP_ALIVE_MARGIN_MS);
    if (final.body === 'switched') this.#switchedHead = final.head;
    else exchange.sink.head(final.head);
    return this.#exchange !== undefined;
  }

  /** The response is complete; the connection is reused if its state is certain. */
  #complete(hasSurplus: boolean): void {
    const exchange = this.#exchange;
    if (exchange === undefined) return;
    const { timers, onIdle } = this.#options;
    this.#exchange = undefined;
    this.#isPaused = false;
    this.#stallTimer?.cancel();
    this.#stallTimer = undefined;
    this.expiresAtMs = Math.min(timers.nowMs + this.#idleLimitMs, this.#lifeEndsAtMs);
    const isClean = this.#upload.isComplete && this.#socket.writableLength === 0 && !hasSurplus;
    if (isClean && this.#isPersistent && this.expiresAtMs > timers.nowMs) onIdle(this);
    else this.#close();
    exchange.over();
    exchange.sink.end(undefined);
  }

  #handOver(count: number): void {
    const exchange = this.#exchange;
    const head = this.#switchedHead;
    if (exchange === undefined || head === undefined) return;
    const socket = this.#socket;
    this.#exchange = undefined;
    this.#isSwitched = true;
    socket.off('drain', this.#upload.drained).off('end', this.#ended).off('error', this.#failed);
    const early = Buffer.from(this.#options.readBuffer.subarray(this.#parser.consumed, count));
    exchange.over();
    exchange.sink.switched(head, socket, early);
  }

  // How it ends

  #fail(failure: BackendFailure): void {
    const exchange = this.#exchange;
    if (exchange === undefined) return;
    this.#exchange = undefined;
    this.#close();
    exchange.fail(failure);
  }

  #break(cause?: Error): void {
    const progress = this.#isAnswered ? 'broken' : 'unanswered';
    this.#fail({ progress, reason: 'closed', ...(cause && { cause }) });
    this.#close();
  }

  #close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#parser.stop();
    this.#stallTimer?.cancel();
    this.#socket.destroy();
    this.#options.onGone(this);
  }

  #watchSilence(): void {
    const silenceMs = this.#exchange?.request.silenceMs ?? Number.POSITIVE_INFINITY;
    if (silenceMs === Number.POSITIVE_INFINITY) return;
    this.#stallTimer ??= this.#options.timers.after(silenceMs, () => this.#stalled());
  }

  #stalled(): void {
    this.#stallTimer = undefined;
    if (this.#exchange === undefined) return;
    const { timers } = this.#options;
    const { silenceMs } = this.#exchange.request;
    const leftMs = this.#isPaused ? silenceMs : this.#lastByteAtMs + silenceMs - timers.nowMs;
    if (leftMs > 0) this.#stallTimer = timers.after(leftMs, () => this.#stalled());
    else this.#fail({ progress: 'broken', reason: 'idle' });
  }

  readonly #ended = (): void => {
    if (this.#parser.endsWithConnection) this.#complete(false);
    this.#break();
  };

  readonly #failed = (error: Error): void => this.#break(error);

  readonly #closed = (): void => this.#break();
}

/** Tells responses to other requests by the id that each request carries. */
function createOwnerCheck(): {
  isForeign(fields: Fields, sent: BackendRequest['requestId']): boolean;
} {
  /** The field by which responses on this connection have told whose they are. */
  let echoedName: string | undefined;
  return {
    isForeign: ({ names, values }, sent) => {
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
    },
  };
}
