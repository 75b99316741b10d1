import {
  constants,
  performServerHandshake,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { Socket } from 'node:net';
import { withoutMapping } from '@flotilla/kernel/addresses';
import { newTrace } from '@flotilla/telemetry';
import type { Timer } from '../../../time/timers.ts';
import { grpcRefusal, isGrpc } from '../../rules/grpc.ts';
import { fromWire } from '../../rules/http2/wire-fields.ts';
import { OPTIONS_RESPONSE, type Refusal, refusalResponse } from '../../rules/refusal.ts';
import { provenCertificate } from '../credentials.ts';
import type { Http2Limits, ListenerOptions } from '../options.ts';
import { Http2RequestBody } from './request-body.ts';
import { type Http2Head, readHttp2Head } from './request-head.ts';
import { Http2Response } from './response.ts';

/** A client's connection, from its first byte to its last. */
export interface Http2Connection {
  /** No further streams; those under way are completed. */
  drain(): void;
  destroy(): void;
}

interface ConnectionOptions extends ListenerOptions {
  readonly limits: Http2Limits;
  readonly socket: Socket;
  onClosed(connection: Http2Connection): void;
}

/** A session, and what its client has done with it. */
interface Session extends Http2Connection {
  readonly http2: ServerHttp2Session;
  readonly options: ConnectionOptions;
  readonly peerAddress: string;
  readonly secure: boolean;
  readonly clientCertificate: string | undefined;
  streams: number;
  resets: number;
  /** Streams that ended well, since the same time. */
  completed: number;
  resetsSinceMs: number;
  idleTimer: Timer | undefined;
}

const RESET_WINDOW_MS = 10_000;

export function openHttp2Connection(options: ConnectionOptions): Http2Connection {
  const { socket, timers, onClosed } = options;
  const http2 = shakeHands(socket, options.limits);
  const session: Session = {
    http2,
    options,
    peerAddress: withoutMapping(socket.remoteAddress ?? ''),
    secure: 'encrypted' in socket,
    clientCertificate: provenCertificate(socket),
    streams: 0,
    resets: 0,
    completed: 0,
    resetsSinceMs: timers.nowMs,
    idleTimer: undefined,
    drain: () => http2.close(),
    destroy: () => http2.destroy(),
  };
  watchIdle(session);
  http2.on('stream', (stream, _headers, flags, raw) => serve(session, stream, flags, raw));
  // What went wrong with a client's connection is told by the end of its streams.
  http2.on('error', () => {});
  socket.on('error', () => {});
  http2.on('close', () => {
    session.idleTimer?.cancel();
    onClosed(session);
  });
  return session;
}

function shakeHands(socket: Socket, limits: Http2Limits): ServerHttp2Session {
  const { maxStreams, maxResets, maxHeadBytes, maxFields } = limits;
  const session = performServerHandshake(socket, {
    maxSessionInvalidFrames: 100,
    maxSessionRejectedStreams: 100,
    maxOutstandingPings: 10,
    // What is a little too large is refused with 431, what is more ends its stream.
    maxHeaderListPairs: maxFields + 28,
    maxSessionMemory: 10,
    // The last resort: nghttp2 counts resets alone, not the streams that end well beside them.
    streamResetBurst: 10 * maxResets,
    streamResetRate: maxResets,
    // Otherwise a field with a blank at an end of its value is left out, without a word.
    strictFieldWhitespaceValidation: false,
    settings: {
      maxConcurrentStreams: maxStreams,
      maxHeaderListSize: 2 * maxHeadBytes,
      initialWindowSize: limits.streamWindowBytes,
      enablePush: false,
    },
  });
  session.setLocalWindowSize(limits.connectionWindowBytes);
  return session;
}

function watchIdle(session: Session): void {
  const { timers, limits } = session.options;
  session.idleTimer = timers.after(limits.idleMs, () => session.http2.close());
}

function serve(session: Session, stream: ServerHttp2Stream, flags: number, raw: readonly string[]): void {
  const { timers, limits } = session.options;
  session.idleTimer?.cancel();
  session.streams += 1;
  stream.on('error', () => {});
  const read = readHttp2Head(raw, (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0, limits);
  const body = read.ok ? bodyOf(session, stream, read.value) : undefined;
  const response = new Http2Response({
    stream,
    isHead: read.ok && read.value.request.method === 'HEAD',
    timers,
    writeStallMs: limits.writeStallMs,
    onSent: () => {
      if (body?.state !== 'complete') dismiss(stream);
    },
  });
  stream.on('close', () => {
    body?.closed();
    ended(session, stream, response);
  });
  if (!read.ok) refuse(session, read.rejection, response, raw);
  else if (body !== undefined) pass(session, read.value, body, response);
}

function bodyOf({ options }: Session, stream: ServerHttp2Stream, head: Http2Head): Http2RequestBody {
  const { timers, limits } = options;
  const { expectsContinue, request } = head;
  const { framing, fields } = request;
  return new Http2RequestBody({
    ...{ stream, framing, expectsContinue, timers, limits },
    isGrpc: framing.kind !== 'none' && isGrpc(fields),
  });
}

function pass(session: Session, head: Http2Head, body: Http2RequestBody, response: Http2Response): void {
  const { options, peerAddress, secure, clientCertificate } = session;
  try {
    const { request } = head;
    options.onRequest({ request, body, answer: response, peerAddress, secure, clientCertificate });
  } catch (error) {
    options.onFault(error);
    response.abort();
  }
}

function refuse(
  { options, peerAddress }: Session,
  given: Refusal | 'none',
  response: Http2Response,
  raw: readonly string[],
): void {
  const { traceId } = newTrace();
  const refusal = given === 'none' ? OPTIONS_RESPONSE : given;
  const grpc = grpcRefusal({ method: 'POST', version: '2.0', fields: fromWire(raw) }, refusal, traceId);
  const told =
    grpc === undefined
      ? refusalResponse(refusal, traceId, options.errorBodies ?? 'problem')
      : { head: grpc, body: '' };
  response.send(told.head, told.body);
  if (given !== 'none') options.onRefused(refusal, { peerAddress, traceId });
}

function ended(session: Session, stream: ServerHttp2Stream, response: Http2Response): void {
  session.streams -= 1;
  if (session.streams === 0 && !session.http2.closed) watchIdle(session);
  const isTakenBack = response.state !== 'ended' && stream.rstCode !== constants.NGHTTP2_NO_ERROR;
  response.closed();
  count(session, isTakenBack);
}

/**
 * Streams that are opened only to be taken back cost the gateway a request each, and the client nothing. Many are no attack where more
 * end well, as on a connection of a proxy whose clients go away.
 */
function count(session: Session, isTakenBack: boolean): void {
  const { timers, limits } = session.options;
  if (timers.nowMs - session.resetsSinceMs >= RESET_WINDOW_MS) {
    session.resets = 0;
    session.completed = 0;
    session.resetsSinceMs = timers.nowMs;
  }
  if (isTakenBack) session.resets += 1;
  else session.completed += 1;
  if (session.resets <= Math.max(limits.maxResets, session.completed) || !isTakenBack) return;
  if (!session.http2.destroyed)
    session.http2.destroy(new Error('too many streams taken back'), constants.NGHTTP2_ENHANCE_YOUR_CALM);
}

/**
 * Ends a stream that is answered before the end of its body: the rest is not wanted. Node keeps a stream, and counts
 * it as open, until its body was read, so it is. Trailers are written at the end of this turn, and come first.
 */
function dismiss(stream: ServerHttp2Stream): void {
  setImmediate(() => {
    stream.close(constants.NGHTTP2_NO_ERROR);
    stream.resume();
  });
}
