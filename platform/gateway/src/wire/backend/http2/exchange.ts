import { type ClientHttp2Session, type ClientHttp2Stream, constants } from 'node:http2';
import { toError } from '@flotilla/kernel';
import type { Timer, Timers } from '../../../time/timers.ts';
import { isAsciiValue, isToken, isVisible, parseDigits } from '../../rules/characters.ts';
import { type Fields, fieldValue } from '../../rules/fields.ts';
import { giveUp, watchCleanEnd } from '../../rules/http2/streams.ts';
import { appendToWire, endToEnd, fromWire } from '../../rules/http2/wire-fields.ts';
import type { BodySink } from '../../rules/request.ts';
import type { BackendCall, BackendFailure, BackendRequest, ResponseSink } from '../backend-call.ts';

export interface Http2ExchangeOptions {
  readonly request: BackendRequest;
  readonly sink: ResponseSink;
  readonly timers: Timers;
  readonly bodyIdleMs: number;
  readonly scheme: 'http' | 'https';
  /** Once, whatever ended it. */
  onOver(exchange: Http2Exchange): void;
}

/** One request on its way over a stream of its own. */
export interface Http2Exchange extends BackendCall {
  start(session: ClientHttp2Session): void;
  fail(failure: BackendFailure): void;
  /** The back end will not look at streams above this number. */
  unprocessedAbove(lastStreamId: number): void;
}

const MAX_INTERIM_RESPONSES = 32;
const { NGHTTP2_NO_ERROR, NGHTTP2_REFUSED_STREAM, NGHTTP2_FLAG_END_STREAM } = constants;

/** The pseudo-fields and fields of the request; `undefined` when something in them could be misread. */
export function wireRequest(request: BackendRequest, scheme: 'http' | 'https'): string[] | undefined {
  const { method, target, authority, fields, body } = request;
  if (!isToken(method) || !isVisible(target) || !isVisible(authority)) return undefined;
  const raw = [':method', method, ':scheme', scheme, ':authority', authority, ':path', target];
  if (!fields.values.every(isAsciiValue) || !fields.names.every(({ text }) => isToken(text)))
    return undefined;
  if (!appendToWire(raw, fields)) return undefined;
  if (isGrpc(fields)) raw.push('te', 'trailers');
  if (body instanceof Uint8Array) raw.push('content-length', String(body.length));
  else if (body?.framing.kind === 'length') raw.push('content-length', String(body.framing.bytes));
  return raw;
}

function isGrpc(fields: Fields): boolean {
  return fieldValue(fields, 'content-type')?.startsWith('application/grpc') === true;
}

/** -1 = no length. */
function bodyBytesOf(fields: Fields): number | undefined {
  const length = fieldValue(fields, 'content-length');
  return length === undefined ? undefined : parseDigits(length);
}

export function createHttp2Exchange(options: Http2ExchangeOptions): Http2Exchange {
  const { request, sink, timers, bodyIdleMs, scheme, onOver } = options;
  const { body } = request;
  let stream: ClientHttp2Stream | undefined;
  let isOver = false;
  let hasHead = false;
  const framing = body === undefined || body instanceof Uint8Array ? undefined : body.framing;
  let isUploaded = false;
  let uploadedBytes = 0;
  let isPaused = false;
  let interim = 0;
  let lastDataAtMs = 0;
  let stallTimer: Timer | undefined;
  let trailers: Fields | undefined;
  let endsCleanly = () => false;

  const upload: BodySink = {
    data: (chunk) => {
      if (isOver || stream === undefined || body === undefined || body instanceof Uint8Array) return;
      uploadedBytes += chunk.length;
      if (!stream.write(chunk)) body.pause();
    },
    end: () => {
      if (isOver) return;
      if (framing?.kind === 'length' && framing.bytes !== uploadedBytes) {
        upload.error(undefined);
        return;
      }
      isUploaded = true;
      stream?.end();
    },
    error: (refusal) =>
      fail({
        progress: hasHead ? 'broken' : 'unanswered',
        reason: 'request-body',
        ...(refusal && { refusal }),
      }),
  };

  const exchange: Http2Exchange = {
    start: (session) => {
      const raw = wireRequest(request, scheme);
      if (raw === undefined || request.upgrade) {
        fail({ progress: 'not-sent', reason: 'malformed' });
        return;
      }
      const hasBody = body !== undefined && (body instanceof Uint8Array || body.framing.kind !== 'none');
      if (hasBody && !(body instanceof Uint8Array) && body.state !== 'unread') {
        fail({ progress: 'not-sent', reason: 'request-body' });
        return;
      }
      try {
        stream = session.request(raw, { endStream: !hasBody });
      } catch (error) {
        // The session was closed in this moment.
        fail({ progress: 'not-sent', reason: 'closed', cause: toError(error) });
        return;
      }
      listen(stream);
      if (!hasBody) isUploaded = true;
      else if (body instanceof Uint8Array) {
        isUploaded = true;
        stream.end(body);
      } else body.read(upload, request.maxBodyBytes);
    },
    fail,
    unprocessedAbove: (lastStreamId) => {
      if (stream?.id === undefined || stream.id > lastStreamId)
        fail({ progress: 'not-sent', reason: 'closed' });
    },
    pause: () => {
      isPaused = true;
      stream?.pause();
    },
    resume: () => {
      if (!isPaused) return;
      isPaused = false;
      lastDataAtMs = timers.nowMs;
      stream?.resume();
    },
    abort: () => finish('given-up'),
  };
  return exchange;

  function listen(opened: ClientHttp2Stream): void {
    endsCleanly = watchCleanEnd(opened);
    opened.on('response', (_headers, flags, raw) => onResponse(flags, raw));
    opened.on('headers', () => {
      interim += 1;
      if (interim > MAX_INTERIM_RESPONSES) fail({ progress: 'broken', reason: 'malformed' });
    });
    opened.on('data', (chunk: Buffer) => {
      if (isOver) return;
      lastDataAtMs = timers.nowMs;
      sink.data(chunk);
    });
    opened.on('trailers', (_headers, _flags, raw) => {
      trailers = endToEnd(fromWire(raw));
    });
    opened.on('end', () => complete());
    opened.on('drain', () => {
      if (body !== undefined && !(body instanceof Uint8Array) && !isOver) body.resume();
    });
    // Told by `close`, which always follows.
    opened.on('error', () => {});
    opened.on('close', () => onClose(opened.rstCode));
  }

  function onResponse(flags: number, raw: readonly string[]): void {
    if (isOver) return;
    const fields = fromWire(raw);
    const status = parseDigits(raw[raw.indexOf(':status') + 1] ?? '');
    const bodyBytes = bodyBytesOf(fields);
    const isEmpty = (flags & NGHTTP2_FLAG_END_STREAM) !== 0;
    if (isForeign(fields)) fail({ progress: 'unanswered', reason: 'foreign-answer' });
    else if (status < 200 || status > 599 || bodyBytes === -1)
      fail({ progress: 'broken', reason: 'malformed' });
    else {
      hasHead = true;
      sink.head({
        status,
        reason: '',
        fields: endToEnd(fields),
        bodyBytes: bodyBytes ?? (isEmpty ? 0 : undefined),
      });
      if (isEmpty) complete();
      else watch(bodyIdleMs);
    }
  }

  function isForeign(fields: Fields): boolean {
    const { requestId } = request;
    const echoed = requestId && fieldValue(fields, requestId.name.lower);
    return echoed !== undefined && echoed !== requestId?.value;
  }

  /** A stream of gRPC may be silent for as long as it likes; its session is asked for signs of life. */
  function watch(ms: number): void {
    if (isOver || isGrpc(request.fields)) return;
    lastDataAtMs ||= timers.nowMs;
    stallTimer = timers.after(ms, () => {
      const leftMs = isPaused ? bodyIdleMs : lastDataAtMs + bodyIdleMs - timers.nowMs;
      if (leftMs > 0) watch(leftMs);
      else fail({ progress: 'broken', reason: 'idle' });
    });
  }

  function complete(): void {
    if (isOver || !hasHead || !endsCleanly()) return;
    finish(isUploaded ? 'complete' : 'given-up');
    sink.end(trailers);
  }

  function onClose(code: number | undefined): void {
    if (code === NGHTTP2_REFUSED_STREAM && !hasHead) fail({ progress: 'not-sent', reason: 'reset' });
    else
      fail({
        progress: hasHead ? 'broken' : 'unanswered',
        reason: code === undefined || code === NGHTTP2_NO_ERROR ? 'closed' : 'reset',
      });
  }

  function fail(failure: BackendFailure): void {
    if (isOver) return;
    finish('given-up');
    sink.error(failure);
  }

  function finish(how: 'complete' | 'given-up'): void {
    if (isOver) return;
    isOver = true;
    stallTimer?.cancel();
    if (how === 'given-up' && stream !== undefined) giveUp(stream);
    if (body !== undefined && !(body instanceof Uint8Array) && body.state === 'reading') body.discard();
    onOver(exchange);
  }
}
