import type { ServerHttp2Stream } from 'node:http2';
import type { Timer, Timers } from '../../../time/timers.ts';
import { watchCleanEnd } from '../../rules/http2/clean-end.ts';
import { BODY_TOO_LARGE, malformed, type Refusal } from '../../rules/refusal.ts';
import type { BodyFraming, BodySink, RequestBody } from '../../rules/request.ts';

export interface Http2BodyOptions {
  readonly stream: ServerHttp2Stream;
  readonly framing: BodyFraming;
  readonly expectsContinue: boolean;
  readonly timers: Timers;
  readonly limits: BodyPaceLimits;
}

export interface BodyPaceLimits {
  /** Without a byte of a body that is wanted. Default 10,000. */
  readonly bodyStallMs: number;
  /** On average, after `bodyGraceMs`. Default 1,024. */
  readonly bodyBytesPerSecond: number;
  /** Default 5,000. */
  readonly bodyGraceMs: number;
}

export interface Http2RequestBody extends RequestBody {
  /** The stream is gone. */
  closed(): void;
}

const TOO_SLOW: Refusal = { status: 408, code: 'request-timeout' };
const LOOK_MS = 1_000;

/** The body of one stream. Unread bytes stay with the client: the window of the stream is not opened for them. */
export function createHttp2RequestBody(options: Http2BodyOptions): Http2RequestBody {
  const { stream, framing, expectsContinue, timers, limits } = options;
  let state: RequestBody['state'] = framing.kind === 'none' ? 'complete' : 'unread';
  let sink: BodySink | undefined;
  let maxBytes = 0;
  let bytes = 0;
  let isPaused = false;
  /** Time in which bytes were wanted. */
  let wantedMs = 0;
  let lookedAtMs = 0;
  let lastByteAtMs = 0;
  let pace: Timer | undefined;
  const endsCleanly = watchCleanEnd(stream);
  if (framing.kind !== 'none') stream.on('aborted', onAborted);

  return {
    framing,
    get state() {
      return state;
    },
    read: (reader, max) => {
      if (framing.kind === 'none' && sink === undefined) {
        sink = reader;
        process.nextTick(() => sink?.end());
        return;
      }
      if (state !== 'unread') throw new TypeError(`a body is read once, and this one is ${state}`);
      state = 'reading';
      sink = reader;
      maxBytes = max;
      process.nextTick(begin);
    },
    pause: () => {
      if (isPaused) return;
      isPaused = true;
      hold();
    },
    resume: () => {
      if (!isPaused) return;
      isPaused = false;
      lookedAtMs = timers.nowMs;
      lastByteAtMs = timers.nowMs;
      stream.resume();
    },
    discard: () => {
      if (state === 'complete') return;
      sink = undefined;
      state = 'broken';
      pace?.cancel();
      // What arrives within the window is dropped; the response's end resets the stream.
      hold();
    },
    closed: () => fail(undefined),
  };

  /** A stream that is closed exists, and counts as open, until it was read to its end: that one is never held. */
  function hold(): void {
    if (!stream.closed) stream.pause();
  }

  /** The client took it back. Of what waits here nobody will hear. */
  function onAborted(): void {
    fail(undefined);
    stream.resume();
  }

  function begin(): void {
    if (state !== 'reading') return;
    if (framing.kind === 'length' && framing.bytes > maxBytes) {
      fail(BODY_TOO_LARGE);
      return;
    }
    if (expectsContinue && !stream.headersSent && !stream.closed)
      stream.additionalHeaders({ ':status': 100 });
    lookedAtMs = timers.nowMs;
    lastByteAtMs = timers.nowMs;
    pace = timers.after(LOOK_MS, look);
    stream.on('data', onData).on('end', onEnd);
    if (isPaused) hold();
  }

  function onData(chunk: Buffer): void {
    if (state !== 'reading') return;
    bytes += chunk.length;
    lastByteAtMs = timers.nowMs;
    if (bytes > maxBytes) fail(BODY_TOO_LARGE);
    else if (framing.kind === 'length' && bytes > framing.bytes) fail(malformed('the body is too long'));
    else sink?.data(chunk);
  }

  function onEnd(): void {
    if (state !== 'reading') return;
    if (!endsCleanly()) fail(undefined);
    else if (framing.kind === 'length' && bytes !== framing.bytes) fail(malformed('the body is too short'));
    else {
      state = 'complete';
      pace?.cancel();
      sink?.end();
    }
  }

  function look(): void {
    if (state !== 'reading') return;
    const { nowMs } = timers;
    if (!isPaused) wantedMs += nowMs - lookedAtMs;
    lookedAtMs = nowMs;
    const isStalled = !isPaused && nowMs - lastByteAtMs >= limits.bodyStallMs;
    const isSlow = wantedMs > limits.bodyGraceMs && bytes * 1_000 < limits.bodyBytesPerSecond * wantedMs;
    if (isStalled || isSlow) fail(TOO_SLOW);
    else pace = timers.after(LOOK_MS, look);
  }

  function fail(refusal: Refusal | undefined): void {
    if (state === 'complete' || state === 'broken') return;
    const reader = state === 'reading' ? sink : undefined;
    state = 'broken';
    pace?.cancel();
    hold();
    reader?.error(refusal);
  }
}
