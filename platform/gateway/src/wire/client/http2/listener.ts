import {
  constants,
  performServerHandshake,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { Socket } from 'node:net';
import { newTrace } from '@flotilla/telemetry';
import type { Timer, Timers } from '../../../time/timers.ts';
import { OPTIONS_RESPONSE, type Refusal } from '../../rules/refusal.ts';
import { refusalResponse } from '../../rules/refusal-response.ts';
import type { Incoming } from '../incoming.ts';
import { createHttp2RequestBody, type Http2RequestBody } from './request-body.ts';
import { readHttp2Head } from './request-head.ts';
import { createHttp2Response, type Http2Response } from './response.ts';

/** The server side of HTTP/2, on sockets that somebody else accepts: after ALPN `h2`, or with prior knowledge. */
export interface Http2Listener {
  accept(socket: Socket): void;
  /** No further streams; sessions end when theirs have, all within `timeoutMs`. */
  drain(timeoutMs: number): Promise<void>;
  connections(): number;
}

export interface Http2Limits {
  /** Streams of one session at the same time. Default 100. */
  readonly maxStreams: number;
  /** Streams that a client may take back within ten seconds, beyond those it lets end. Default 200. */
  readonly maxResets: number;
  /** Without a stream. Default 20,000. */
  readonly idleMs: number;
  /** See `BodyPaceLimits`. */
  readonly bodyStallMs: number;
  readonly bodyBytesPerSecond: number;
  readonly bodyGraceMs: number;
  /** Without taking anything of a response. Default 20,000. */
  readonly writeStallMs: number;
}

export interface Http2ListenerOptions {
  readonly timers: Timers;
  readonly limits?: Partial<Http2Limits>;
  onRequest(incoming: Incoming): void;
  /** A request was answered without the pipeline. For logs and metrics. */
  onRefused(refusal: Refusal, from: { readonly peerAddress: string; readonly traceId: string }): void;
  /** `onRequest` threw. The stream is reset. */
  onFault(error: unknown): void;
  /** Of refusals that are answered here: `empty` is `--ocelot-strict`. Default `problem`. */
  readonly errorBodies?: 'problem' | 'empty';
}

interface Session {
  readonly http2: ServerHttp2Session;
  readonly peerAddress: string;
  readonly secure: boolean;
  streams: number;
  resets: number;
  resetsSinceMs: number;
  idleTimer: Timer | undefined;
}

const DEFAULTS: Http2Limits = {
  maxStreams: 100,
  maxResets: 200,
  idleMs: 20_000,
  bodyStallMs: 10_000,
  bodyBytesPerSecond: 1_024,
  bodyGraceMs: 5_000,
  writeStallMs: 20_000,
};
const RESET_WINDOW_MS = 10_000;

export function createHttp2Listener(options: Http2ListenerOptions): Http2Listener {
  const { timers, onRequest, onRefused, onFault, errorBodies = 'problem' } = options;
  const limits = { ...DEFAULTS, ...options.limits };
  const sessions = new Set<Session>();
  let isDraining = false;
  let onEmpty: (() => void) | undefined;

  return {
    accept: (socket) => {
      if (isDraining || socket.destroyed) socket.destroy();
      else open(socket);
    },
    drain: async (timeoutMs) => {
      isDraining = true;
      if (sessions.size === 0) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      onEmpty = resolve;
      const timer = timers.after(timeoutMs, () => {
        for (const { http2 } of sessions) http2.destroy();
      });
      for (const { http2 } of sessions) http2.close();
      await promise;
      timer.cancel();
    },
    connections: () => sessions.size,
  };

  function open(socket: Socket): void {
    const peerAddress = (socket.remoteAddress ?? '').replace(/^::ffff:/, '');
    const http2 = performServerHandshake(socket, {
      maxSessionInvalidFrames: 100,
      maxSessionRejectedStreams: 100,
      maxOutstandingPings: 10,
      maxHeaderListPairs: 128,
      maxSessionMemory: 10,
      streamResetBurst: limits.maxResets,
      streamResetRate: Math.max(1, Math.floor((limits.maxResets * 1_000) / RESET_WINDOW_MS)),
      // Otherwise a field with a blank at an end of its value is left out, without a word.
      strictFieldWhitespaceValidation: false,
      settings: { maxConcurrentStreams: limits.maxStreams, maxHeaderListSize: 32_768, enablePush: false },
    });
    const session: Session = {
      http2,
      peerAddress,
      secure: 'encrypted' in socket,
      streams: 0,
      resets: 0,
      resetsSinceMs: timers.nowMs,
      idleTimer: undefined,
    };
    sessions.add(session);
    watchIdle(session);
    http2.on('stream', (stream, _headers, flags, raw) => onStream(session, stream, flags, raw));
    // What went wrong with a client's connection is told by the end of its streams.
    http2.on('error', () => {});
    socket.on('error', () => {});
    http2.on('close', () => {
      session.idleTimer?.cancel();
      sessions.delete(session);
      if (sessions.size === 0) onEmpty?.();
    });
  }

  function watchIdle(session: Session): void {
    session.idleTimer = timers.after(limits.idleMs, () => session.http2.close());
  }

  function onStream(
    session: Session,
    stream: ServerHttp2Stream,
    flags: number,
    raw: readonly string[],
  ): void {
    const { peerAddress, secure } = session;
    session.idleTimer?.cancel();
    session.streams += 1;
    stream.on('error', () => {});
    const read = readHttp2Head(raw, (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0);
    const isHead = read.ok && read.value.request.method === 'HEAD';
    let body: Http2RequestBody | undefined;
    const { writeStallMs } = limits;
    const onSent = () => {
      if (body?.state !== 'complete') dismiss(stream);
    };
    const answer = createHttp2Response({ stream, isHead, timers, writeStallMs, onSent });
    stream.on('close', () => {
      body?.closed();
      onClose(session, stream, answer);
    });
    if (!read.ok) {
      refuse(read.rejection, session, answer);
      return;
    }
    const { request, expectsContinue } = read.value;
    const { framing } = request;
    body = createHttp2RequestBody({ stream, framing, expectsContinue, timers, limits });
    try {
      onRequest({ request, body, answer, peerAddress, secure });
    } catch (error) {
      onFault(error);
      answer.abort();
    }
  }

  function onClose(session: Session, stream: ServerHttp2Stream, answer: Http2Response): void {
    session.streams -= 1;
    if (session.streams === 0 && !session.http2.closed) watchIdle(session);
    const isTakenBack = answer.state !== 'ended' && stream.rstCode !== constants.NGHTTP2_NO_ERROR;
    answer.closed();
    if (isTakenBack) countReset(session);
  }

  /** Streams that are opened only to be taken back cost the gateway a request each, and the client nothing. */
  function countReset(session: Session): void {
    if (timers.nowMs - session.resetsSinceMs >= RESET_WINDOW_MS) {
      session.resets = 0;
      session.resetsSinceMs = timers.nowMs;
    }
    session.resets += 1;
    if (session.resets > limits.maxResets && !session.http2.destroyed)
      session.http2.destroy(new Error('too many streams taken back'), constants.NGHTTP2_ENHANCE_YOUR_CALM);
  }

  function refuse(refusal: Refusal | 'none', { peerAddress }: Session, answer: Http2Response): void {
    const { traceId } = newTrace();
    const { head, body } = refusalResponse(
      refusal === 'none' ? OPTIONS_RESPONSE : refusal,
      traceId,
      errorBodies,
    );
    answer.send({ ...head, bodyBytes: Buffer.byteLength(body) }, body);
    if (refusal !== 'none') onRefused(refusal, { peerAddress, traceId });
  }
}

/**
 * Ends a stream that is answered before the end of its body: nobody wants the rest. Node keeps a stream, and counts
 * it as open, until its body was read, so it is. Trailers are written at the end of this turn, and come first.
 */
function dismiss(stream: ServerHttp2Stream): void {
  setImmediate(() => {
    stream.close(constants.NGHTTP2_NO_ERROR);
    stream.resume();
  });
}
