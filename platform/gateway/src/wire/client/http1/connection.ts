import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { newTrace } from '@flotilla/telemetry';
import { createDeadline } from '../../../time/deadline.ts';
import { CLIENT } from '../../rules/limits.ts';
import { type BodyPace, createBodyPace } from '../../rules/pace.ts';
import { OPTIONS_RESPONSE, type Refusal } from '../../rules/refusal.ts';
import { refusalResponse } from '../../rules/refusal-response.ts';
import type { ClientLimits, Http1Options } from '../options.ts';
import { createFieldMemory, createHeadLines, readHeadLines } from './head-lines.ts';
import { createHeldBytes } from './held-bytes.ts';
import { type BodyConnection, Http1RequestBody } from './request-body.ts';
import { type EarlyEnd, type Http1RequestHead, readRequestHead } from './request-head.ts';
import { Http1Response, type ResponseConnection } from './response.ts';
import { writtenBytes } from './write-progress.ts';

/** A client's connection, from its first byte to its last. */
export interface ClientConnection {
  /** No further request is read; one under way is completed. */
  drain(): void;
  destroy(): void;
}

interface ConnectionOptions extends Http1Options {
  readonly limits: ClientLimits;
  readonly socket: Socket;
  readonly peerAddress: string;
  readonly secure: boolean;
  dateLine(): string;
  onClosed(connection: ClientConnection): void;
}

/**
 * `head`: a request may come. `exchange`: one is being answered, or its body still read. `closing`: the last response
 * is out, what comes is dropped. `switched`: another protocol's.
 */
type Phase = 'head' | 'exchange' | 'closing' | 'switched' | 'gone';

const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n';
const REQUEST_TIMEOUT: Refusal = { status: 408, code: 'request-timeout', closes: true };
const INTERNAL_ERROR: Refusal = { status: 500, code: 'internal-error', closes: true };
const END_OF_HEAD = '\r\n\r\n';
const EMPTY_LINES = /^[\r\n]*$/;

/** Requests are read and answered one after the other; nothing is looked at before its turn. */
export function createClientConnection(options: ConnectionOptions): ClientConnection {
  const { socket, limits, timers, peerAddress, secure } = options;
  let phase: Phase = 'head';
  let headText = '';
  let lines = createHeadLines();
  let body: Http1RequestBody | undefined;
  let answer: Http1Response | undefined;
  let pace: BodyPace | undefined;
  let keepAlive = true;
  let waitsForContinue = false;
  let isBroken = false;
  let isDraining = false;
  let isHalfClosed = false;
  let isPumping = false;
  let isPaused = false;
  let halfCloseMark = 0;
  let writtenMark = 0;
  let takenAtMs = 0;
  const memory = createFieldMemory();
  const held = createHeldBytes();
  const reading = createDeadline(timers, readExpired);
  const writing = createDeadline(timers, writeExpired);
  const connection: ClientConnection = { drain, destroy };

  const forBody: BodyConnection = { bodyWanted, bodyUnwanted, bodyFinished, bodyBroken };
  const forResponse: ResponseConnection = {
    socket,
    keepsAlive,
    dateLine: options.dateLine,
    writeStalled,
    responseEnded,
    cut,
    switchProtocols,
  };

  socket.on('data', received);
  socket.on('drain', drained);
  socket.on('end', ended);
  socket.on('error', ignore); // 'close' follows and says all there is to say
  socket.on('close', gone);
  reading.set(limits.firstByteMs);
  return connection;

  // --- bytes in

  function received(bytes: Buffer): void {
    if (phase === 'closing' || phase === 'gone') return;
    if (held.length > 0 || isPumping) held.add(bytes);
    else {
      isPumping = true;
      feed(bytes);
      isPumping = false;
    }
    pump();
  }

  /** Hands held bytes to whoever's turn it is, as long as somebody takes them. */
  function pump(): void {
    if (isPumping) return; // a response came within its request's call; the loop below goes on
    isPumping = true;
    while (held.length > 0 && (phase === 'head' || (phase === 'exchange' && body?.isTaking === true)))
      feed(held.take());
    isPumping = false;
    if (isHalfClosed) afterHalfClose();
    steer();
  }

  function feed(bytes: Buffer): void {
    if (phase === 'head') feedHead(bytes);
    else if (phase === 'exchange' && body?.isTaking) feedBody(body, bytes);
    else held.add(bytes);
  }

  /** Reads from the socket as long as there is room for what comes. */
  function steer(): void {
    const mustPause = phase === 'exchange' && (held.length > limits.heldBytes || body?.isPaused === true);
    if (mustPause === isPaused || phase === 'switched' || phase === 'gone') return;
    isPaused = mustPause;
    if (mustPause) socket.pause();
    else socket.resume();
  }

  function feedHead(bytes: Buffer): void {
    const before = headText.length;
    const part = bytes.toString('latin1', 0, Math.min(headEnd(bytes), CLIENT.maxHeadBytes - before));
    const text = before === 0 ? part : headText + part;
    const outcome = readHeadLines(text, lines, memory);
    if (outcome === 'incomplete') {
      if (before === 0) reading.set(limits.headMs);
      headText = text;
      return;
    }
    headText = '';
    if (outcome !== 'complete') {
      refuse(outcome);
      return;
    }
    const rest = lines.at - before;
    if (rest < bytes.length) held.add(bytes.subarray(rest));
    const head = readRequestHead(lines);
    lines = createHeadLines();
    reading.clear();
    if ('status' in head) refuse(head);
    else begin(head);
  }

  function feedBody(current: Http1RequestBody, bytes: Buffer): void {
    const end = current.take(bytes, 0);
    pace?.received(end, timers.nowMs);
    if (!current.isFinished && current.bytesDropped > limits.discardBytes) {
      current.giveUp();
      bodyBroken();
    }
    if (end < bytes.length) held.add(bytes.subarray(end));
    if (isBroken && answer?.state === 'ended') close();
  }

  // --- requests

  function begin(head: Http1RequestHead | EarlyEnd): void {
    phase = 'exchange';
    keepAlive = head.keepAlive;
    body = new Http1RequestBody(head.framing, forBody);
    answer = new Http1Response(forResponse, head.method === 'HEAD', head.version);
    waitsForContinue = head.expectsContinue && !body.isFinished;
    pace = undefined;
    if ('refusal' in head) {
      tell(answer, head.refusal === 'none' ? OPTIONS_RESPONSE : head.refusal);
      return;
    }
    if (head.handshake === 'websocket') keepAlive = false; // unless it is switched, nothing behind it counts
    const current = answer;
    try {
      options.onRequest({ request: head, body, answer, peerAddress, secure });
    } catch (error) {
      options.onFault(error);
      if (current.state === 'open') tell(current, INTERNAL_ERROR);
      else current.abort();
    }
  }

  /** The head itself is refused: nothing more is read. */
  function refuse(refusal: Refusal): void {
    phase = 'exchange';
    isBroken = true;
    body = undefined;
    answer = new Http1Response(forResponse, false, '1.1');
    tell(answer, refusal);
  }

  function tell(to: Http1Response, refusal: Refusal): void {
    const { traceId } = newTrace();
    if (refusal.closes) to.closeAfter();
    if (refusal !== OPTIONS_RESPONSE) options.onRefused(refusal, { peerAddress, traceId });
    const { head, body: text } = refusalResponse(refusal, traceId, options.errorBodies ?? 'problem');
    to.send(head, text);
  }

  // --- the body's side

  function bodyWanted(): void {
    if (waitsForContinue) {
      if (body?.state !== 'reading') return; // it is dropped if it comes, and not waited for
      waitsForContinue = false;
      if (held.length === 0 && answer?.state === 'open') socket.write(CONTINUE, 'latin1');
    }
    pace ??= createBodyPace(limits);
    pace.start(timers.nowMs);
    watchPace();
    pump();
  }

  function bodyUnwanted(): void {
    pace?.stop(timers.nowMs);
    reading.clear();
    steer();
  }

  function bodyFinished(): void {
    pace = undefined;
    reading.clear();
    if (answer?.state === 'ended') next();
  }

  function bodyBroken(): void {
    isBroken = true;
    pace = undefined;
    reading.clear();
  }

  function watchPace(): void {
    reading.set(Math.min(1_000, limits.bodyStallMs / 4));
  }

  // --- the response's side

  function keepsAlive(): boolean {
    if (!keepAlive || isBroken || isDraining || isHalfClosed) return false;
    if (body === undefined || body.isFinished || body.state === 'reading') return true;
    // A client that was not asked to go on may send the body or not: only the end of the connection is clear.
    return !waitsForContinue && body.bytesLeft <= limits.discardBytes;
  }

  function responseEnded(mayGoOn: boolean): void {
    if (!mayGoOn || isBroken) {
      close();
      return;
    }
    if (body === undefined || body.isFinished) {
      next();
      return;
    }
    body.fail(undefined); // whoever still reads need not
    body.discard();
  }

  function next(): void {
    if (!keepAlive || isBroken || isDraining || isHalfClosed) {
      close();
      return;
    }
    phase = 'head';
    body = undefined;
    answer = undefined;
    reading.set(limits.idleMs);
    pump();
  }

  function writeStalled(): void {
    writtenMark = writtenBytes(socket);
    takenAtMs = timers.nowMs;
    watchWrites();
  }

  /** Looks ten times in the time that is granted: what was taken right after the last write gains a tenth, not all of it. */
  function watchWrites(): void {
    writing.set(limits.writeStallMs / 10);
  }

  function writeExpired(): void {
    if (writtenBytes(socket) !== writtenMark) writeStalled();
    else if (timers.nowMs - takenAtMs < limits.writeStallMs) watchWrites();
    else destroy();
  }

  function drained(): void {
    writing.clear();
    answer?.drained();
  }

  /** The connection ends behind the response, and the client gets time to read it: a reset would take it back. */
  function close(): void {
    if (phase === 'closing' || phase === 'gone') return;
    phase = 'closing';
    held.take();
    reading.clear();
    body?.fail(undefined);
    steer();
    writeStalled();
    socket.end(lingers);
  }

  function lingers(): void {
    if (phase !== 'closing') return;
    writing.clear();
    reading.set(limits.lingerMs);
  }

  function switchProtocols(): Duplex {
    if (phase !== 'gone') phase = 'switched';
    reading.stop();
    socket.off('data', received);
    socket.off('drain', drained);
    socket.off('end', ended);
    writing.stop();
    socket.pause();
    if (held.length > 0) socket.unshift(held.take());
    return socket;
  }

  // --- time and ends

  function readExpired(): void {
    if (phase === 'exchange') {
      if (!isHalfClosed) judgePace();
      else if (writtenBytes(socket) === halfCloseMark) destroy();
      else afterHalfClose();
    } else if (phase === 'head' && !EMPTY_LINES.test(headText)) refuse(REQUEST_TIMEOUT);
    else if (phase === 'head' && socket.writableLength > 0)
      reading.set(limits.idleMs); // it still takes the last response; the other deadline watches that
    else destroy();
  }

  function judgePace(): void {
    if (!pace?.isTooSlow(timers.nowMs)) {
      watchPace();
      return;
    }
    bodyBroken();
    if (answer?.state === 'open' && body?.state === 'reading') {
      body.fail(REQUEST_TIMEOUT);
      body.discard();
    } else destroy();
  }

  function ended(): void {
    isHalfClosed = true;
    if (phase === 'head') destroy();
    else if (phase === 'exchange') pump();
  }

  /** The client sends no more: what is incomplete stays so, and what is complete is answered soon or never. */
  function afterHalfClose(): void {
    if (phase !== 'exchange' || body === undefined) return;
    if (body.isTaking) {
      destroy();
      return;
    }
    halfCloseMark = writtenBytes(socket);
    reading.set(limits.halfCloseMs);
  }

  function cut(how: 'end' | 'reset'): void {
    // Without TLS's own goodbye an end of the connection is no end of the response.
    if (how === 'reset' && !secure) socket.resetAndDestroy();
    else socket.destroy();
  }

  function drain(): void {
    isDraining = true;
    keepAlive = false;
    if (phase === 'head') close();
  }

  function destroy(): void {
    socket.destroy();
  }

  function gone(): void {
    phase = 'gone';
    reading.stop();
    writing.stop();
    held.take();
    body?.fail(undefined);
    answer?.closed();
    options.onClosed(connection);
  }
}

/**
 * Up to where a piece is to be read as a head. Of a large one no further than the head goes: what is behind may be
 * a body, or requests that would each be turned into text many times.
 */
function headEnd(bytes: Buffer): number {
  if (bytes.length <= 2_048) return bytes.length;
  const end = bytes.indexOf(END_OF_HEAD);
  return end === -1 ? bytes.length : end + END_OF_HEAD.length;
}

function ignore(): void {}
