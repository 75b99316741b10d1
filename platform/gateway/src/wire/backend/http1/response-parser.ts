import { BACKEND } from '../../rules/limits.ts';
import { createChunkReader } from './response-chunks.ts';
import { type FinalHead, finishHead, noLines, readHeadLine } from './response-head.ts';

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
  let phase: Phase = 'stopped';
  let isHead = false;
  let asksForUpgrade = false;
  let lines = noLines();
  let interim = 0;
  /** Of the head: complete lines, and the beginning of the next one. */
  let lineBytes = 0;
  let rest = '';
  let isWhole = false;
  let bodyLeft = 0;
  let consumed = 0;
  const chunks = createChunkReader(events.data);

  return {
    begin: (method, upgrade) => {
      phase = 'head';
      isHead = method === 'HEAD';
      asksForUpgrade = upgrade;
      interim = 0;
      nextHead();
    },
    feed: (bytes, length) => {
      consumed = 0;
      while (phase === 'head' && consumed < length) readPiece(bytes, length);
      return readBody(bytes, length);
    },
    get consumed() {
      return consumed;
    },
    get endsWithConnection() {
      return phase === 'until-close';
    },
    stop: () => {
      phase = 'stopped';
      chunks.stop();
    },
  };

  function nextHead(): void {
    lines = noLines();
    lineBytes = 0;
    rest = '';
    isWhole = false;
  }

  /** Takes the lines of the head that end in the next piece of `bytes`. */
  function readPiece(bytes: Buffer, length: number): void {
    const pieceEnd = Math.min(consumed + PIECE_BYTES, length);
    const piece = bytes.toString('latin1', consumed, pieceEnd);
    const text = rest === '' ? piece : rest + piece;
    const end = readLines(text, rest.length);
    if (phase !== 'head') return;
    lineBytes += end;
    if (lineBytes + (isWhole ? 0 : text.length - end) > BACKEND.maxHeadBytes) phase = 'head-too-large';
    else if (isWhole) {
      consumed += end - rest.length;
      finish();
    } else {
      consumed = pieceEnd;
      rest = end === 0 ? text : text.slice(end);
    }
  }

  /** Reads the lines that end behind `known`, up to the empty one. Returns where they end. */
  function readLines(text: string, known: number): number {
    let start = 0;
    for (let lf = text.indexOf('\n', known); lf !== -1; lf = text.indexOf('\n', start)) {
      const end = lf - 1;
      if (end < start || text.charCodeAt(end) !== CR) phase = 'malformed';
      else if (end === start) isWhole = true;
      else if (!readHeadLine(lines, text, start, end)) phase = 'malformed';
      if (phase === 'malformed') return start;
      start = lf + 1;
      if (isWhole) return start;
    }
    return start;
  }

  function finish(): void {
    // An empty line in the place of the status line is no head.
    const final = lines.status === 0 ? undefined : finishHead(lines, isHead, asksForUpgrade);
    if (final === undefined) phase = 'malformed';
    else if (final !== 'interim') startBody(final);
    else {
      interim += 1;
      if (interim > MAX_INTERIM_RESPONSES) phase = 'malformed';
      else nextHead();
    }
  }

  function startBody(final: FinalHead): void {
    phase = final.body;
    bodyLeft = final.head.bodyBytes ?? 0;
    if (phase === 'chunked') chunks.reset();
    if (!events.head(final)) phase = 'stopped';
  }

  function readBody(bytes: Buffer, length: number): Reading {
    if (phase === 'length') {
      const taken = Math.min(bodyLeft, length - consumed);
      bodyLeft -= taken;
      take(bytes, taken);
    } else if (phase === 'chunked') {
      const end = chunks.read(bytes, consumed, length);
      if (end === -1) phase = 'malformed';
      else consumed = end;
    } else if (phase === 'until-close') take(bytes, length - consumed);
    return reading();
  }

  function take(bytes: Buffer, count: number): void {
    if (count === 0) return;
    consumed += count;
    events.data(bytes.subarray(consumed - count, consumed));
  }

  function reading(): Reading {
    switch (phase) {
      case 'head':
      case 'until-close':
        return 'more';
      case 'length':
        return bodyLeft === 0 ? 'end' : 'more';
      case 'chunked':
        return chunks.isComplete ? 'end' : 'more';
      case 'none':
        return 'end';
      default:
        return phase;
    }
  }
}
