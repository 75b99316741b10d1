import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { newTrace } from '@flotilla/telemetry';
import { createDeadline, type Deadline } from '../../../time/deadline.ts';
import { type BodyPace, createBodyPace } from '../../rules/pace.ts';
import { OPTIONS_RESPONSE, type Refusal, refusalResponse } from '../../rules/refusal.ts';
import type { ClientLimits, ListenerOptions } from '../options.ts';
import { createFieldMemory, createHeadLines, type HeadLines, readHeadLines } from './head-lines.ts';
import { createInput, type Input } from './input.ts';
import { type BodyConnection, Http1RequestBody } from './request-body.ts';
import { type EarlyEnd, type Http1RequestHead, readRequestHead } from './request-head.ts';
import { Http1Response, type ResponseConnection } from './response.ts';
import { createWriteWatch, type WriteWatch, writtenBytes } from './write-watch.ts';

/** A client's connection, from its first byte to its last. */
export interface ClientConnection {
  /**
   * The last request: one under way, or else one that has been sent already, or that comes within `idleMs` (0 = none), is answered with
   * `Connection: close`.
   */
  drain(idleMs: number): void;
  destroy(): void;
}

interface ConnectionOptions extends ListenerOptions {
  readonly limits: ClientLimits;
  readonly socket: Socket;
  readonly peerAddress: string;
  readonly secure: boolean;
  readonly clientCertificate: string | undefined;
  dateLine(): string;
  onClosed(connection: ClientConnection): void;
}

/**
 * What a connection is doing, with what is known meanwhile.
 *
 * - `head`: a request may come. On to `exchange` with its last line, also when it is refused.
 * - `exchange`: a request is being answered, or its body still read. Back to `head`, or on to `switched` or `closing`.
 * - `switched`: the connection is another protocol's.
 * - `closing`: the last response is out; what comes is dropped.
 * - `gone`: from any of them.
 */
type Phase = HeadPhase | ExchangePhase | SwitchedPhase | { readonly kind: 'closing' | 'gone' };

interface HeadPhase {
  readonly kind: 'head';
  readonly lines: HeadLines;
  /** As far as it has come. */
  text: string;
}

interface ExchangePhase {
  readonly kind: 'exchange';
  /** `undefined` = the head was refused: where a body begins and ends is unknown. */
  readonly body: Http1RequestBody | undefined;
  readonly response: Http1Response;
  pace: BodyPace | undefined;
  keepAlive: boolean;
  /** The client sends its body only when it is told to. */
  waitsForContinue: boolean;
  /** What follows on the connection cannot be told from this request. */
  isBroken: boolean;
}

interface SwitchedPhase {
  readonly kind: 'switched';
  readonly response: Http1Response | undefined;
}

const CLOSING: Phase = { kind: 'closing' };
const GONE: Phase = { kind: 'gone' };

const KEEP_ALIVE_MARGIN_MS = 5_000;
const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n';
const REQUEST_TIMEOUT: Refusal = { status: 408, code: 'request-timeout', closes: true };
const INTERNAL_ERROR: Refusal = { status: 500, code: 'internal-error', closes: true };
const END_OF_HEAD = '\r\n\r\n';
const EMPTY_LINES = /^[\r\n]*$/;

/** Requests are read and answered one after the other; nothing is looked at before its turn. */
export function createClientConnection(options: ConnectionOptions): ClientConnection {
  const connection = new Http1Connection(options);
  connection.open();
  return connection;
}

class Http1Connection implements ClientConnection, BodyConnection, ResponseConnection {
  readonly socket: Socket;
  readonly keepAliveLine: string;
  readonly #options: ConnectionOptions;
  readonly #limits: ClientLimits;
  readonly #memory = createFieldMemory();
  readonly #input: Input;
  /** Of the client: for its first byte, its head, its next request, its body, its last goodbye. */
  readonly #reading: Deadline;
  readonly #writes: WriteWatch;
  #phase: Phase = headPhase();
  #isDraining: boolean = false;
  #isHalfClosed: boolean = false;
  #halfCloseMark: number = 0;
  #isPumping: boolean = false;

  constructor(options: ConnectionOptions) {
    const { socket, limits, timers } = options;
    this.socket = socket;
    this.#options = options;
    this.#limits = limits;
    this.keepAliveLine = keepAliveLine(limits.idleMs);
    this.#input = createInput(socket);
    this.#reading = createDeadline(timers, () => this.#readExpired());
    const stallMs = limits.writeStallMs;
    this.#writes = createWriteWatch(socket, { timers, stallMs, onStalled: () => this.destroy() });
  }

  open(): void {
    const { socket } = this;
    socket.on('data', this.#received);
    socket.on('drain', this.#drained);
    socket.on('end', this.#ended);
    socket.on('error', ignore); // 'close' follows and says all there is to say
    socket.on('close', () => this.#gone());
    this.#reading.set(this.#limits.firstByteMs);
  }

  // --- bytes in

  readonly #received = (bytes: Buffer): void => {
    const { kind } = this.#phase;
    if (kind === 'closing' || kind === 'gone') return;
    if (this.#input.length > 0 || this.#isPumping) this.#input.add(bytes);
    else {
      this.#isPumping = true;
      this.#feed(bytes);
      this.#isPumping = false;
    }
    this.#pump();
  };

  /** Passes what has arrived to the current reader until it takes no more. */
  #pump(): void {
    if (this.#isPumping) return; // a response came within its request's call; the loop below goes on
    this.#isPumping = true;
    while (this.#input.length > 0 && this.#takesBytes()) this.#feed(this.#input.take());
    this.#isPumping = false;
    if (this.#isHalfClosed) this.#afterHalfClose();
    this.#steer();
  }

  #takesBytes(): boolean {
    const phase = this.#phase;
    return phase.kind === 'head' || (phase.kind === 'exchange' && phase.body?.isTaking === true);
  }

  #feed(bytes: Buffer): void {
    const phase = this.#phase;
    if (phase.kind === 'head') this.#feedHead(phase, bytes);
    else if (phase.kind === 'exchange' && phase.body?.isTaking) this.#feedBody(phase, phase.body, bytes);
    else this.#input.add(bytes);
  }

  /** Reads from the socket as long as there is room for what comes. */
  #steer(): void {
    const phase = this.#phase;
    if (phase.kind === 'switched' || phase.kind === 'gone') return;
    const isFull = this.#input.length > this.#limits.heldBytes;
    this.#input.steer(phase.kind === 'exchange' && (isFull || phase.body?.isPaused === true));
  }

  #feedHead(phase: HeadPhase, bytes: Buffer): void {
    const { lines } = phase;
    const before = phase.text.length;
    const part = bytes.toString('latin1', 0, Math.min(headEnd(bytes), this.#limits.maxHeadBytes - before));
    const text = before === 0 ? part : phase.text + part;
    const outcome = readHeadLines(text, lines, this.#memory, this.#limits);
    if (outcome === 'incomplete') {
      if (before === 0) this.#reading.set(this.#limits.headMs);
      phase.text = text;
      return;
    }
    if (outcome !== 'complete') {
      this.#refuse(outcome);
      return;
    }
    const rest = lines.at - before;
    if (rest < bytes.length) this.#input.add(bytes.subarray(rest));
    const head = readRequestHead(lines);
    this.#reading.clear();
    if ('status' in head) this.#refuse(head);
    else this.#begin(head);
  }

  #feedBody(exchange: ExchangePhase, body: Http1RequestBody, bytes: Buffer): void {
    const { nowMs } = this.#options.timers;
    body.lastByteAtMs = nowMs;
    const end = body.take(bytes, 0);
    exchange.pace?.received(end, nowMs);
    if (!body.isFinished && body.bytesDropped > this.#limits.discardBytes) {
      body.giveUp();
      this.bodyBroken();
    }
    if (end < bytes.length) this.#input.add(bytes.subarray(end));
    if (exchange.isBroken && exchange.response.state === 'ended') this.#close();
  }

  // --- requests

  #begin(head: Http1RequestHead | EarlyEnd): void {
    const { peerAddress, secure, clientCertificate, onRequest, onFault } = this.#options;
    const body = new Http1RequestBody(head.framing, this);
    const response = new Http1Response(this, head.method === 'HEAD', head.version);
    const exchange: ExchangePhase = {
      kind: 'exchange',
      body,
      response,
      pace: undefined,
      keepAlive: head.keepAlive && !this.#isDraining,
      waitsForContinue: head.expectsContinue && !body.isFinished,
      isBroken: false,
    };
    this.#phase = exchange;
    if ('refusal' in head) {
      this.#tell(response, head.refusal === 'none' ? OPTIONS_RESPONSE : head.refusal);
      return;
    }
    if (head.handshake === 'websocket') exchange.keepAlive = false; // unless it is switched, nothing behind it counts
    try {
      onRequest({ request: head, body, answer: response, peerAddress, secure, clientCertificate });
    } catch (error) {
      onFault(error);
      if (response.state === 'open') this.#tell(response, INTERNAL_ERROR);
      else response.abort();
    }
  }

  /** The head itself is refused: nothing more is read. */
  #refuse(refusal: Refusal): void {
    const response = new Http1Response(this, false, '1.1');
    this.#phase = {
      kind: 'exchange',
      body: undefined,
      response,
      pace: undefined,
      keepAlive: false,
      waitsForContinue: false,
      isBroken: true,
    };
    this.#tell(response, refusal);
  }

  #tell(to: Http1Response, refusal: Refusal): void {
    const { onRefused, peerAddress, errorBodies = 'problem' } = this.#options;
    const { traceId } = newTrace();
    if (refusal.closes) to.closeAfter();
    if (refusal !== OPTIONS_RESPONSE) onRefused(refusal, { peerAddress, traceId });
    const { head, body } = refusalResponse(refusal, traceId, errorBodies);
    to.send(head, body);
  }

  // --- the body's side

  bodyWanted(): void {
    const exchange = this.#phase;
    if (exchange.kind !== 'exchange') return; // it is over, and what is left of the body goes with the connection
    if (exchange.waitsForContinue) {
      if (exchange.body?.state !== 'reading') return; // it is dropped if it comes, and not waited for
      exchange.waitsForContinue = false;
      if (this.#input.length === 0 && exchange.response.state === 'open')
        this.socket.write(CONTINUE, 'latin1');
    }
    exchange.pace ??= createBodyPace(this.#limits);
    exchange.pace.start(this.#options.timers.nowMs);
    this.#watchPace();
    this.#pump();
  }

  bodyUnwanted(): void {
    if (this.#phase.kind !== 'exchange') return;
    this.#phase.pace?.stop(this.#options.timers.nowMs);
    this.#reading.clear();
    this.#steer();
  }

  bodyFinished(): void {
    const exchange = this.#phase;
    if (exchange.kind !== 'exchange') return;
    exchange.pace = undefined;
    this.#reading.clear();
    if (exchange.response.state === 'ended') this.#next(exchange);
  }

  bodyBroken(): void {
    if (this.#phase.kind !== 'exchange') return;
    this.#phase.isBroken = true;
    this.#phase.pace = undefined;
    this.#reading.clear();
  }

  #watchPace(): void {
    this.#reading.set(Math.min(1_000, this.#limits.bodyStallMs / 4));
  }

  // --- the response's side

  dateLine(): string {
    return this.#options.dateLine();
  }

  keepsAlive(): boolean {
    const exchange = this.#phase;
    if (exchange.kind !== 'exchange' || !this.#mayGoOn(exchange)) return false;
    const { body, waitsForContinue } = exchange;
    if (body === undefined || body.isFinished || body.state === 'reading') return true;
    // A client that was not asked to go on may send the body or not: only the end of the connection is clear.
    return !waitsForContinue && body.bytesLeft <= this.#limits.discardBytes;
  }

  /** A client that sends no more gets answers to all that it has sent. */
  #mayGoOn({ keepAlive, isBroken }: ExchangePhase): boolean {
    const mayCome = !this.#isHalfClosed || this.#input.length > 0;
    return keepAlive && !isBroken && !this.#isDraining && mayCome;
  }

  responseEnded(mayGoOn: boolean): void {
    const exchange = this.#phase;
    if (exchange.kind !== 'exchange') return;
    const { body } = exchange;
    if (!mayGoOn || exchange.isBroken) this.#close();
    else if (body === undefined || body.isFinished) this.#next(exchange);
    else {
      body.fail(undefined); // a reader has no use for the rest
      body.discard();
    }
  }

  #next(exchange: ExchangePhase): void {
    if (!this.#mayGoOn(exchange)) {
      this.#close();
      return;
    }
    this.#phase = headPhase();
    this.#reading.set(this.#limits.idleMs);
    this.#pump();
  }

  writeStalled(): void {
    this.#writes.start();
  }

  readonly #drained = (): void => {
    this.#writes.clear();
    if (this.#phase.kind === 'exchange') this.#phase.response.drained();
  };

  /** The connection ends behind the response, and the client gets time to read it: a reset would take it back. */
  #close(): void {
    const phase = this.#phase;
    if (phase.kind === 'closing' || phase.kind === 'gone') return;
    this.#phase = CLOSING;
    this.#input.take();
    this.#reading.clear();
    if (phase.kind === 'exchange') phase.body?.fail(undefined);
    this.#steer();
    this.#writes.start();
    this.socket.end(() => this.#linger());
  }

  #linger(): void {
    if (this.#phase.kind !== 'closing') return;
    this.#writes.clear();
    this.#reading.set(this.#limits.lingerMs);
  }

  switchProtocols(): Duplex {
    const { socket } = this;
    const phase = this.#phase;
    if (phase.kind !== 'gone')
      this.#phase = { kind: 'switched', response: phase.kind === 'exchange' ? phase.response : undefined };
    this.#reading.stop();
    socket.off('data', this.#received);
    socket.off('drain', this.#drained);
    socket.off('end', this.#ended);
    this.#writes.stop();
    socket.pause();
    if (this.#input.length > 0) socket.unshift(this.#input.take());
    return socket;
  }

  // --- time and ends

  #readExpired(): void {
    const phase = this.#phase;
    if (phase.kind === 'exchange') {
      if (!this.#isHalfClosed) this.#judgePace(phase);
      else if (writtenBytes(this.socket) === this.#halfCloseMark) this.destroy();
      else this.#afterHalfClose();
    } else if (phase.kind === 'head' && !EMPTY_LINES.test(phase.text)) this.#refuse(REQUEST_TIMEOUT);
    else if (phase.kind === 'head' && this.#isDraining) this.#close();
    else if (phase.kind === 'head' && this.socket.writableLength > 0)
      this.#reading.set(this.#limits.idleMs); // it still takes the last response; the other deadline watches that
    else this.destroy();
  }

  #judgePace({ pace, body, response }: ExchangePhase): void {
    if (!pace?.isTooSlow(this.#options.timers.nowMs)) {
      this.#watchPace();
      return;
    }
    this.bodyBroken();
    if (response.state === 'open' && body?.state === 'reading') {
      body.fail(REQUEST_TIMEOUT);
      body.discard();
    } else this.destroy();
  }

  readonly #ended = (): void => {
    this.#isHalfClosed = true;
    if (this.#phase.kind === 'head')
      this.#close(); // what is left of the last response still goes out
    else if (this.#phase.kind === 'exchange') this.#pump();
  };

  /** The client sends no more: what is incomplete stays so, and what is complete is answered soon or never. */
  #afterHalfClose(): void {
    if (this.#phase.kind === 'head') this.#close();
    if (this.#phase.kind !== 'exchange' || this.#phase.body === undefined) return;
    if (this.#phase.body.isTaking) {
      this.destroy();
      return;
    }
    this.#halfCloseMark = writtenBytes(this.socket);
    this.#reading.set(this.#limits.halfCloseMs);
  }

  cut(how: 'end' | 'reset'): void {
    // Without TLS's own goodbye an end of the connection is no end of the response.
    if (how === 'reset' && !this.#options.secure) this.socket.resetAndDestroy();
    else this.socket.destroy();
  }

  drain(idleMs: number): void {
    this.#isDraining = true;
    if (this.#phase.kind !== 'head' || this.#phase.text !== '') return;
    // What is on its way would be reset together with a connection that is closed at once.
    if (idleMs > 0) this.#reading.set(idleMs);
    else this.#close();
  }

  destroy(): void {
    this.socket.destroy();
  }

  #gone(): void {
    const phase = this.#phase;
    this.#phase = GONE;
    this.#reading.stop();
    this.#writes.stop();
    this.#input.take();
    if (phase.kind === 'exchange') phase.body?.fail(undefined);
    if (phase.kind === 'exchange' || phase.kind === 'switched') phase.response?.closed();
    this.#options.onClosed(this);
  }
}

/** Less than is kept, by what a byte may be on its way: `''` where that would be nothing. */
function keepAliveLine(idleMs: number): string {
  const seconds = Math.floor((idleMs - KEEP_ALIVE_MARGIN_MS) / 1_000);
  return seconds > 0 ? `Keep-Alive: timeout=${seconds}\r\n` : '';
}

function headPhase(): HeadPhase {
  return { kind: 'head', lines: createHeadLines(), text: '' };
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
