import { BODY_TOO_LARGE, type Refusal } from '../../rules/refusal.ts';
import type { BodyFraming, BodySink, RequestBody } from '../../rules/request.ts';
import { type ChunkedDecoder, createChunkedDecoder } from './chunked-decoder.ts';

/** What a body needs of its connection. */
export interface BodyConnection {
  /** The body wants (more) bytes now: those held back, then those of the socket. */
  bodyWanted(): void;
  /** The body wants no bytes for now. */
  bodyUnwanted(): void;
  /** Its last byte has been read. */
  bodyFinished(): void;
  /** What follows on the connection cannot be told from this body. */
  bodyBroken(): void;
}

/**
 * The body of one request. A class, since one is made for every request and its methods should not be.
 * `data` of the sink may be called a few times more after `pause`, with bytes that had been read already.
 */
export class Http1RequestBody implements RequestBody {
  readonly framing: BodyFraming;
  state: RequestBody['state'] = 'unread';
  /** Nothing of it is left on the wire. */
  isFinished: boolean;
  /** Does it take bytes, to pass them on or to drop them? */
  isTaking: boolean = false;
  /** Has the reader asked to wait? */
  isPaused: boolean = false;
  lastByteAtMs: number = 0;
  /** Bytes taken from the wire and dropped, framing included. */
  bytesDropped: number = 0;
  readonly #connection: BodyConnection;
  readonly #decoder: ChunkedDecoder | undefined;
  #left: number;
  #sink: BodySink | undefined;
  #maxBytes: number = 0;
  #bytes: number = 0;
  #hasBegun: boolean = false;
  #pass: ((piece: Buffer) => void) | undefined;

  constructor(framing: BodyFraming, connection: BodyConnection) {
    this.framing = framing;
    this.#connection = connection;
    this.#left = framing.kind === 'length' ? framing.bytes : 0;
    this.#decoder = framing.kind === 'chunked' ? createChunkedDecoder() : undefined;
    this.isFinished = framing.kind !== 'chunked' && this.#left === 0;
  }

  /** How many bytes are still to come at least. */
  get bytesLeft(): number {
    return this.#left;
  }

  read(sink: BodySink, maxBytes: number): void {
    if (this.state !== 'unread') throw new TypeError(`a body is read once, and this one is ${this.state}`);
    this.state = 'reading';
    this.#sink = sink;
    this.#maxBytes = maxBytes;
    process.nextTick(begin, this);
  }

  /** The deferred part of `read`. */
  begin(): void {
    if (this.state !== 'reading') return; // the client went away meanwhile
    if (this.isFinished) {
      this.#complete();
    } else if (this.#left > this.#maxBytes) {
      this.fail(BODY_TOO_LARGE);
      this.discard();
    } else if (!this.isPaused) {
      this.isTaking = true;
      this.#connection.bodyWanted();
    }
    this.#hasBegun = true;
  }

  pause(): void {
    if (this.state !== 'reading' || this.isPaused) return;
    this.isPaused = true;
    this.isTaking = false;
    this.#connection.bodyUnwanted();
  }

  resume(): void {
    if (this.state !== 'reading' || !this.isPaused) return;
    this.isPaused = false;
    if (!this.#hasBegun) return;
    this.isTaking = true;
    this.#connection.bodyWanted();
  }

  discard(): void {
    this.#sink = undefined;
    this.isPaused = false;
    if (this.state === 'reading' || this.state === 'unread') this.state = 'broken';
    if (this.isFinished || this.isTaking) return;
    this.isTaking = true;
    this.#connection.bodyWanted();
  }

  /** No more is taken, not even to be dropped. */
  giveUp(): void {
    this.isTaking = false;
  }

  /** Takes what belongs to the body, and returns the place behind it. */
  take(bytes: Buffer, at: number): number {
    const end = this.#decoder === undefined ? this.#takeLength(bytes, at) : this.#takeChunks(bytes, at);
    if (this.#sink === undefined) this.bytesDropped += end - at;
    if (this.isFinished) {
      this.isTaking = false;
      // First, since a response to the complete body may end the exchange.
      this.#connection.bodyFinished();
      if (this.state === 'reading') this.#complete();
    }
    return end;
  }

  /** The reader gets nothing more. */
  fail(refusal: Refusal | undefined): void {
    const sink = this.#sink;
    this.#sink = undefined;
    if (this.state === 'unread' || this.state === 'reading') this.state = 'broken';
    sink?.error(refusal);
  }

  #takeLength(bytes: Buffer, at: number): number {
    const end = Math.min(bytes.length, at + this.#left);
    this.#left -= end - at;
    this.isFinished = this.#left === 0;
    if (end > at) this.#sink?.data(at === 0 && end === bytes.length ? bytes : bytes.subarray(at, end));
    return end;
  }

  #takeChunks(bytes: Buffer, at: number): number {
    const decoder = this.#decoder;
    if (decoder === undefined) return at;
    this.#pass ??= (piece) => this.#passPiece(piece);
    const end = decoder.decode(bytes, at, this.#pass);
    if (typeof end === 'number') {
      this.isFinished = decoder.isComplete;
      return end;
    }
    this.isTaking = false;
    this.#connection.bodyBroken();
    this.fail(end);
    return bytes.length;
  }

  #passPiece(piece: Buffer): void {
    const sink = this.#sink;
    if (sink === undefined) return;
    this.#bytes += piece.length;
    if (this.#bytes <= this.#maxBytes) {
      sink.data(piece);
      return;
    }
    this.fail(BODY_TOO_LARGE);
    this.discard();
  }

  #complete(): void {
    const sink = this.#sink;
    this.#sink = undefined;
    this.state = 'complete';
    sink?.end();
  }
}

function begin(body: Http1RequestBody): void {
  body.begin();
}
