import { type ClientHttp2Session, type ClientHttp2Stream, constants } from 'node:http2';
import { toError } from '@flotilla/kernel';
import type { Timer, Timers } from '../../../time/timers.ts';
import { parseDigits } from '../../rules/characters.ts';
import { type Fields, fieldValue } from '../../rules/fields.ts';
import { isGrpc } from '../../rules/grpc.ts';
import { giveUp, watchCleanEnd } from '../../rules/http2/streams.ts';
import { endToEnd, fromWire } from '../../rules/http2/wire-fields.ts';
import type { Refusal } from '../../rules/refusal.ts';
import type { BodySink, RequestBody } from '../../rules/request.ts';
import type { BackendCall, BackendFailure, BackendRequest, ResponseSink } from '../backend-call.ts';
import { requestHead } from './request-head.ts';

export interface Http2ExchangeOptions {
  readonly request: BackendRequest;
  readonly sink: ResponseSink;
  readonly timers: Timers;
  readonly scheme: 'http' | 'https';
  /** Once, whatever ended it. */
  onOver(exchange: Http2Exchange): void;
}

const MAX_INTERIM_RESPONSES = 32;
const { NGHTTP2_NO_ERROR, NGHTTP2_REFUSED_STREAM, NGHTTP2_FLAG_END_STREAM } = constants;
const NOTHING = () => {};

/** One request on its way over a stream of its own: it waits for a session, is started on it, and ends once. */
export class Http2Exchange implements BackendCall, BodySink {
  readonly #options: Http2ExchangeOptions;
  readonly #request: BackendRequest;
  readonly #sink: ResponseSink;
  /** The request's body as far as it comes from elsewhere; bytes at hand are none. */
  readonly #source: RequestBody | undefined;
  #stream: ClientHttp2Stream | undefined;
  #isOver: boolean = false;
  #hasHead: boolean = false;
  #isUploaded: boolean = false;
  #uploadedBytes: number = 0;
  #isPaused: boolean = false;
  #interim: number = 0;
  #lastDataAtMs: number = 0;
  #stallTimer: Timer | undefined;
  #trailers: Fields | undefined;
  #endsCleanly: () => boolean = () => false;

  constructor(options: Http2ExchangeOptions) {
    const { body } = options.request;
    this.#options = options;
    this.#request = options.request;
    this.#sink = options.sink;
    this.#source = body instanceof Uint8Array ? undefined : body;
  }

  start(session: ClientHttp2Session): void {
    const raw = requestHead(this.#request, this.#options.scheme);
    if (raw === undefined || this.#request.upgrade) {
      this.fail({ progress: 'not-sent', reason: 'malformed' });
      return;
    }
    const { body } = this.#request;
    const source = this.#source?.framing.kind === 'none' ? undefined : this.#source;
    if (source !== undefined && source.state !== 'unread') {
      this.fail({ progress: 'not-sent', reason: 'request-body' });
      return;
    }
    const bytes = body instanceof Uint8Array ? body : undefined;
    const stream = this.#open(session, raw, bytes === undefined && source === undefined);
    if (stream === undefined) return;
    this.#isUploaded = source === undefined;
    if (bytes !== undefined) stream.end(bytes);
    else source?.read(this, this.#request.maxBodyBytes);
  }

  #open(
    session: ClientHttp2Session,
    raw: readonly string[],
    endStream: boolean,
  ): ClientHttp2Stream | undefined {
    try {
      this.#stream = session.request(raw, { endStream });
    } catch (error) {
      // The session was closed in this moment.
      this.fail({ progress: 'not-sent', reason: 'closed', cause: toError(error) });
      return undefined;
    }
    this.#listen(this.#stream);
    return this.#stream;
  }

  /** The back end will not look at streams above this number. */
  unprocessedAbove(lastStreamId: number): void {
    if (this.#stream?.id === undefined || this.#stream.id > lastStreamId)
      this.fail({ progress: 'not-sent', reason: 'closed' });
  }

  pause(): void {
    this.#isPaused = true;
    this.#stream?.pause();
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#lastDataAtMs = this.#options.timers.nowMs;
    this.#stream?.resume();
  }

  abort(): void {
    this.#finish('given-up');
  }

  fail(failure: BackendFailure): void {
    if (this.#isOver) return;
    this.#finish('given-up');
    this.#sink.error(failure);
  }

  // The request's body

  data(chunk: Buffer): void {
    if (this.#isOver || this.#stream === undefined) return;
    this.#uploadedBytes += chunk.length;
    if (!this.#stream.write(chunk)) this.#source?.pause();
  }

  end(): void {
    if (this.#isOver) return;
    const framing = this.#source?.framing;
    if (framing?.kind === 'length' && framing.bytes !== this.#uploadedBytes) {
      this.error(undefined);
      return;
    }
    this.#isUploaded = true;
    this.#stream?.end();
  }

  error(refusal: Refusal | undefined): void {
    const progress = this.#hasHead ? 'broken' : 'unanswered';
    this.fail({ progress, reason: 'request-body', ...(refusal && { refusal }) });
  }

  // What the back end says

  #listen(stream: ClientHttp2Stream): void {
    this.#endsCleanly = watchCleanEnd(stream);
    stream.on('response', (_headers, flags, raw) => this.#respond(flags, raw));
    stream.on('headers', () => {
      this.#interim += 1;
      if (this.#interim > MAX_INTERIM_RESPONSES) this.fail({ progress: 'broken', reason: 'malformed' });
    });
    stream.on('data', (chunk: Buffer) => {
      if (this.#isOver) return;
      this.#lastDataAtMs = this.#options.timers.nowMs;
      this.#sink.data(chunk);
    });
    stream.on('trailers', (_headers, _flags, raw) => {
      this.#trailers = endToEnd(fromWire(raw));
    });
    stream.on('end', () => this.#complete());
    stream.on('drain', () => {
      if (!this.#isOver) this.#source?.resume();
    });
    // Told by `close`, which always follows.
    stream.on('error', NOTHING);
    stream.on('close', () => this.#closed(stream.rstCode));
  }

  #respond(flags: number, raw: readonly string[]): void {
    if (this.#isOver) return;
    const fields = fromWire(raw);
    const status = parseDigits(raw[raw.indexOf(':status') + 1] ?? '');
    const bodyBytes = bodyBytesOf(fields);
    const isEmpty = (flags & NGHTTP2_FLAG_END_STREAM) !== 0;
    if (this.#isForeign(fields)) this.fail({ progress: 'unanswered', reason: 'foreign-answer' });
    else if (status < 200 || status > 599 || bodyBytes === -1)
      this.fail({ progress: 'broken', reason: 'malformed' });
    else {
      this.#hasHead = true;
      this.#sink.head({
        status,
        reason: '',
        fields: endToEnd(fields),
        bodyBytes: bodyBytes ?? (isEmpty ? 0 : undefined),
      });
      if (isEmpty) this.#complete();
      else this.#watch(this.#request.silenceMs);
    }
  }

  #isForeign(fields: Fields): boolean {
    const { requestId } = this.#request;
    const echoed = requestId && fieldValue(fields, requestId.name.lower);
    return echoed !== undefined && echoed !== requestId?.value;
  }

  /** A stream of gRPC may be silent for as long as it likes; its session is asked for signs of life. */
  #watch(ms: number): void {
    const { silenceMs, fields } = this.#request;
    if (this.#isOver || silenceMs === Number.POSITIVE_INFINITY || isGrpc(fields)) return;
    const { timers } = this.#options;
    this.#lastDataAtMs ||= timers.nowMs;
    this.#stallTimer = timers.after(ms, () => {
      const leftMs = this.#isPaused ? silenceMs : this.#lastDataAtMs + silenceMs - timers.nowMs;
      if (leftMs > 0) this.#watch(leftMs);
      else this.fail({ progress: 'broken', reason: 'idle' });
    });
  }

  #complete(): void {
    if (this.#isOver || !this.#hasHead || !this.#endsCleanly()) return;
    this.#finish(this.#isUploaded ? 'complete' : 'given-up');
    this.#sink.end(this.#trailers);
  }

  #closed(code: number | undefined): void {
    if (code === NGHTTP2_REFUSED_STREAM && !this.#hasHead)
      this.fail({ progress: 'not-sent', reason: 'reset' });
    else
      this.fail({
        progress: this.#hasHead ? 'broken' : 'unanswered',
        reason: code === undefined || code === NGHTTP2_NO_ERROR ? 'closed' : 'reset',
      });
  }

  #finish(how: 'complete' | 'given-up'): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#stallTimer?.cancel();
    if (how === 'given-up' && this.#stream !== undefined) giveUp(this.#stream);
    if (this.#source?.state === 'reading') this.#source.discard();
    this.#options.onOver(this);
  }
}

/** -1 = no length. */
function bodyBytesOf(fields: Fields): number | undefined {
  const length = fieldValue(fields, 'content-length');
  return length === undefined ? undefined : parseDigits(length);
}
