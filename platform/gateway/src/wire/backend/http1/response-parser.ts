import { BACKEND } from '../../rules/limits.ts';
import { type ChunkReader, createChunkReader } from './response-chunks.ts';
import { type FinalHead, finishHead, type HeadLines, noLines, readHeadLine } from './response-head.ts';

export interface ResponseEvents {
  /** The final head, or that of a 101. `false` = read no further. */
  head(final: FinalHead): boolean;
  /** A view, valid during the call. */
  data(chunk: Buffer): void;
}

/** What the bytes so far amount to. `end` and `switched`: `consumed` says where the response stops. */
export type Reading = 'more' | 'end' | 'switched' | 'stopped' | 'malformed' | 'head-too-large';

/** Cuts answers out of the bytes of one connection, one per request. Never throws. */
export interface ResponseParser {
  /** The next response belongs to this request. */
  begin(method: string, asksForUpgrade: boolean): void;
  /** The first `length` bytes of `bytes`. */
  feed(bytes: Buffer, length: number): Reading;
  /** How much of the last `feed` belonged to the response. */
  readonly consumed: number;
  /** Is the end of the connection the end of the response? */
  readonly endsWithConnection: boolean;
  /** Nothing more is wanted: a running `feed` returns `stopped`. */
  stop(): void;
}

export const MAX_INTERIM_RESPONSES = 32;
/** A head is turned into text in such pieces, so that a large body behind it is not. */
const PIECE_BYTES = 4_096;
const CR = 0x0d;

type Phase = 'head' | FinalHead['body'] | 'stopped' | 'malformed' | 'head-too-large';

export function createResponseParser(events: ResponseEvents): ResponseParser {
  return new Parser(events);
}

/** A class, since its methods are called for every piece of every response. */
class Parser implements ResponseParser {
  readonly #events: ResponseEvents;
  readonly #chunks: ChunkReader;
  #phase: Phase = 'stopped';
  #isHead: boolean = false;
  #asksForUpgrade: boolean = false;
  #lines: HeadLines = noLines();
  #interim: number = 0;
  /** Of the head: complete lines, and the beginning of the next one. */
  #lineBytes: number = 0;
  #rest: string = '';
  #isWhole: boolean = false;
  #bodyLeft: number = 0;
  #consumed: number = 0;

  constructor(events: ResponseEvents) {
    this.#events = events;
    this.#chunks = createChunkReader(events.data);
  }

  get consumed(): number {
    return this.#consumed;
  }

  get endsWithConnection(): boolean {
    return this.#phase === 'until-close';
  }

  begin(method: string, asksForUpgrade: boolean): void {
    this.#phase = 'head';
    this.#isHead = method === 'HEAD';
    this.#asksForUpgrade = asksForUpgrade;
    this.#interim = 0;
    this.#nextHead();
  }

  feed(bytes: Buffer, length: number): Reading {
    this.#consumed = 0;
    while (this.#phase === 'head' && this.#consumed < length) this.#readPiece(bytes, length);
    return this.#readBody(bytes, length);
  }

  stop(): void {
    this.#phase = 'stopped';
    this.#chunks.stop();
  }

  #nextHead(): void {
    this.#lines = noLines();
    this.#lineBytes = 0;
    this.#rest = '';
    this.#isWhole = false;
  }

  /** Takes the lines of the head that end in the next piece of `bytes`. */
  #readPiece(bytes: Buffer, length: number): void {
    const pieceEnd = Math.min(this.#consumed + PIECE_BYTES, length);
    const piece = bytes.toString('latin1', this.#consumed, pieceEnd);
    const text = this.#rest === '' ? piece : this.#rest + piece;
    const end = this.#readLines(text, this.#rest.length);
    if (this.#phase !== 'head') return;
    this.#lineBytes += end;
    if (this.#lineBytes + (this.#isWhole ? 0 : text.length - end) > BACKEND.maxHeadBytes)
      this.#phase = 'head-too-large';
    else if (this.#isWhole) {
      this.#consumed += end - this.#rest.length;
      this.#finish();
    } else {
      this.#consumed = pieceEnd;
      this.#rest = end === 0 ? text : text.slice(end);
    }
  }

  /** Reads the lines that end behind `known`, up to the empty one. Returns where they end. */
  #readLines(text: string, known: number): number {
    let start = 0;
    for (let lf = text.indexOf('\n', known); lf !== -1; lf = text.indexOf('\n', start)) {
      const end = lf - 1;
      if (end < start || text.charCodeAt(end) !== CR) this.#phase = 'malformed';
      else if (end === start) this.#isWhole = true;
      else if (!readHeadLine(this.#lines, text, start, end)) this.#phase = 'malformed';
      if (this.#phase === 'malformed') return start;
      start = lf + 1;
      if (this.#isWhole) return start;
    }
    return start;
  }

  #finish(): void {
    // An empty line in the place of the status line is no head.
    const final =
      this.#lines.status === 0 ? undefined : finishHead(this.#lines, this.#isHead, this.#asksForUpgrade);
    if (final === undefined) this.#phase = 'malformed';
    else if (final !== 'interim') this.#startBody(final);
    else {
      this.#interim += 1;
      if (this.#interim > MAX_INTERIM_RESPONSES) this.#phase = 'malformed';
      else this.#nextHead();
    }
  }

  #startBody(final: FinalHead): void {
    this.#phase = final.body;
    this.#bodyLeft = final.head.bodyBytes ?? 0;
    if (this.#phase === 'chunked') this.#chunks.reset();
    if (!this.#events.head(final)) this.#phase = 'stopped';
  }

  #readBody(bytes: Buffer, length: number): Reading {
    if (this.#phase === 'length') {
      const taken = Math.min(this.#bodyLeft, length - this.#consumed);
      this.#bodyLeft -= taken;
      this.#take(bytes, taken);
    } else if (this.#phase === 'chunked') {
      const end = this.#chunks.read(bytes, this.#consumed, length);
      if (end === -1) this.#phase = 'malformed';
      else this.#consumed = end;
    } else if (this.#phase === 'until-close') this.#take(bytes, length - this.#consumed);
    return this.#reading();
  }

  #take(bytes: Buffer, count: number): void {
    if (count === 0) return;
    this.#consumed += count;
    this.#events.data(bytes.subarray(this.#consumed - count, this.#consumed));
  }

  #reading(): Reading {
    switch (this.#phase) {
      case 'head':
      case 'until-close':
        return 'more';
      case 'length':
        return this.#bodyLeft === 0 ? 'end' : 'more';
      case 'chunked':
        return this.#chunks.isComplete ? 'end' : 'more';
      case 'none':
        return 'end';
      default:
        return this.#phase;
    }
  }
}
