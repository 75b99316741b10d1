import type { ServerHttp2Stream } from 'node:http2';
import type { Timer, Timers } from '../../../time/timers.ts';
import { createMessageSizes, type MessageSizes } from '../../rules/grpc.ts';
import { watchCleanEnd } from '../../rules/http2/streams.ts';
import { type BodyPace, createBodyPace, type PaceLimits } from '../../rules/pace.ts';
import { BODY_TOO_LARGE, malformed, type Refusal } from '../../rules/refusal.ts';
import type { BodyFraming, BodySink, RequestBody } from '../../rules/request.ts';
import type { Http2Limits } from '../options.ts';

export interface Http2BodyOptions {
  readonly stream: ServerHttp2Stream;
  readonly framing: BodyFraming;
  readonly expectsContinue: boolean;
  readonly timers: Timers;
  readonly limits: PaceLimits & Pick<Http2Limits, 'streamSilenceMs'>;
  /** A stream of messages: they may be as slow as they like, and sizes are those of each. */
  readonly isGrpc: boolean;
}

const TOO_SLOW: Refusal = { status: 408, code: 'request-timeout' };
const LOOK_MS = 1_000;

/** The body of one stream. Unread bytes stay with the client: the window of the stream is not opened for them. */
export class Http2RequestBody implements RequestBody {
  readonly framing: BodyFraming;
  state: RequestBody['state'];
  lastByteAtMs: number = 0;
  readonly #options: Http2BodyOptions;
  readonly #messages: MessageSizes | undefined;
  readonly #stream: ServerHttp2Stream;
  readonly #endsCleanly: () => boolean;
  #sink: BodySink | undefined;
  #maxBytes: number = 0;
  #bytes: number = 0;
  #isPaused: boolean = false;
  #pace: BodyPace | undefined;
  #timer: Timer | undefined;

  constructor(options: Http2BodyOptions) {
    const { stream, framing } = options;
    this.framing = framing;
    this.state = framing.kind === 'none' ? 'complete' : 'unread';
    this.#options = options;
    this.#messages = options.isGrpc ? createMessageSizes() : undefined;
    this.#stream = stream;
    this.#endsCleanly = watchCleanEnd(stream);
    if (framing.kind !== 'none') stream.on('aborted', () => this.#aborted());
  }

  read(sink: BodySink, maxBytes: number): void {
    if (this.framing.kind === 'none' && this.#sink === undefined) {
      this.#sink = sink;
      process.nextTick(() => this.#sink?.end());
      return;
    }
    if (this.state !== 'unread') throw new TypeError(`a body is read once, and this one is ${this.state}`);
    this.state = 'reading';
    this.#sink = sink;
    this.#maxBytes = maxBytes;
    process.nextTick(() => this.#begin());
  }

  pause(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.#pace?.stop(this.#options.timers.nowMs);
    this.#hold();
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#pace?.start(this.#options.timers.nowMs);
    this.#stream.resume();
  }

  discard(): void {
    if (this.state === 'complete') return;
    this.#sink = undefined;
    this.state = 'broken';
    this.#timer?.cancel();
    // What arrives within the window is dropped; the response's end resets the stream.
    this.#hold();
  }

  /** The stream is gone. */
  closed(): void {
    this.#fail(undefined);
  }

  /** A stream that is closed exists, and counts as open, until it was read to its end: that one is never held. */
  #hold(): void {
    if (!this.#stream.closed) this.#stream.pause();
  }

  /** The client took it back. What is buffered here is dropped. */
  #aborted(): void {
    this.#fail(undefined);
    this.#stream.resume();
  }

  #begin(): void {
    if (this.state !== 'reading') return;
    const { expectsContinue, limits, timers } = this.#options;
    const stream = this.#stream;
    if (this.framing.kind === 'length' && this.framing.bytes > this.#maxBytes) {
      this.#fail(BODY_TOO_LARGE);
      return;
    }
    if (expectsContinue && !stream.headersSent && !stream.closed)
      stream.additionalHeaders({ ':status': 100 });
    this.#pace = createBodyPace(this.#messages === undefined ? limits : streamPace(limits));
    if (!this.#isPaused) this.#pace.start(timers.nowMs);
    this.#timer = timers.after(LOOK_MS, () => this.#look());
    stream.on('data', (chunk: Buffer) => this.#take(chunk)).on('end', () => this.#ended());
    if (this.#isPaused) this.#hold();
  }

  #take(chunk: Buffer): void {
    if (this.state !== 'reading') return;
    const { framing } = this;
    const { nowMs } = this.#options.timers;
    this.lastByteAtMs = nowMs;
    this.#bytes += chunk.length;
    this.#pace?.received(chunk.length, nowMs);
    const size = this.#messages === undefined ? this.#bytes : this.#messages.feed(chunk);
    if (size > this.#maxBytes) this.#fail(BODY_TOO_LARGE);
    else if (framing.kind === 'length' && this.#bytes > framing.bytes)
      this.#fail(malformed('the body is too long'));
    else this.#sink?.data(chunk);
  }

  #ended(): void {
    if (this.state !== 'reading') return;
    const { framing } = this;
    if (!this.#endsCleanly()) this.#fail(undefined);
    else if (framing.kind === 'length' && this.#bytes !== framing.bytes)
      this.#fail(malformed('the body is too short'));
    else {
      this.state = 'complete';
      this.#timer?.cancel();
      this.#sink?.end();
    }
  }

  #look(): void {
    if (this.state !== 'reading') return;
    const { timers } = this.#options;
    if (this.#pace?.isTooSlow(timers.nowMs)) this.#fail(TOO_SLOW);
    else this.#timer = timers.after(LOOK_MS, () => this.#look());
  }

  #fail(refusal: Refusal | undefined): void {
    if (this.state === 'complete' || this.state === 'broken') return;
    const reader = this.state === 'reading' ? this.#sink : undefined;
    this.state = 'broken';
    this.#timer?.cancel();
    this.#hold();
    reader?.error(refusal);
  }
}

/** Messages of a call come when there are some: silence alone is limited. */
function streamPace({ streamSilenceMs }: Http2BodyOptions['limits']): PaceLimits {
  return { bodyStallMs: streamSilenceMs, bodyBytesPerSecond: 0, bodyGraceMs: 0 };
}
