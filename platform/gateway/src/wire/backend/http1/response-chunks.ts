import { isValueByte, TOKEN } from '../../rules/characters.ts';

/** Reads the chunks of a response's body, RFC 9112 §7.1. Extensions and trailers are checked and dropped. */
export interface ChunkReader {
  /** Before each body. */
  reset(): void;
  /**
   * Takes `bytes[offset, end)` and hands the data on. Returns the offset behind the body, `end` when it goes on,
   * -1 when it is malformed.
   */
  read(bytes: Buffer, offset: number, end: number): number;
  /** A running `read` returns. */
  stop(): void;
  /** Has the last chunk, with its trailers, been read? */
  readonly isComplete: boolean;
}

const SIZE = 0;
const EXTENSION = 1;
const QUOTED = 2;
const QUOTED_PAIR = 3;
const SIZE_LF = 4;
const DATA = 5;
const DATA_CR = 6;
const DATA_LF = 7;
const TRAILER_START = 8;
const TRAILER_NAME = 9;
const TRAILER_VALUE = 10;
const TRAILER_LF = 11;
const LAST_LF = 12;
const COMPLETE = 13;
const MALFORMED = 14;

const CR = 0x0d;
const LF = 0x0a;
const QUOTE = 0x22;
const COLON = 0x3a;
const SEMICOLON = 0x3b;
const BACKSLASH = 0x5c;

/** States in which one byte only may follow, and what comes then. */
const FIXED: readonly (readonly [code: number, next: number] | undefined)[] = Object.assign([], {
  [DATA_CR]: [CR, DATA_LF],
  [DATA_LF]: [LF, SIZE],
  [TRAILER_LF]: [LF, TRAILER_START],
  [LAST_LF]: [LF, COMPLETE],
});

/** Leading zeros are legal, an endless row of them is not. */
const MAX_DIGITS = 32;
const MAX_EXTENSION_BYTES = 16_384;
const MAX_TRAILER_BYTES = 65_536;

/** The chunks given to `data` are views, valid during the call. */
export function createChunkReader(data: (chunk: Buffer) => void): ChunkReader {
  let state = SIZE;
  let size = 0;
  let digits = 0;
  let extensionBytes = 0;
  let trailerBytes = 0;

  return {
    reset: () => {
      state = SIZE;
      size = 0;
      digits = 0;
      extensionBytes = 0;
      trailerBytes = 0;
    },
    read: (bytes, offset, end) => {
      let at = offset;
      while (at < end && state !== COMPLETE) {
        if (state === DATA) at = takeData(bytes, at, end);
        else {
          state = next(bytes[at] ?? 0);
          if (state === MALFORMED) return -1;
          at += 1;
        }
      }
      return at;
    },
    stop: () => {
      state = COMPLETE;
    },
    get isComplete() {
      return state === COMPLETE;
    },
  };

  function takeData(bytes: Buffer, at: number, end: number): number {
    const taken = Math.min(size, end - at);
    size -= taken;
    if (size === 0) state = DATA_CR;
    data(bytes.subarray(at, at + taken));
    return at + taken;
  }

  /** The state after a byte that is no data. */
  function next(code: number): number {
    const fixed = FIXED[state];
    if (fixed !== undefined) return fixed[0] === code ? fixed[1] : MALFORMED;
    if (state === SIZE) return digit(code);
    if (state === SIZE_LF) return afterSize(code);
    if (state < SIZE_LF) {
      extensionBytes += 1;
      return extensionBytes > MAX_EXTENSION_BYTES ? MALFORMED : afterExtensionByte(state, code);
    }
    trailerBytes += 1;
    return trailerBytes > MAX_TRAILER_BYTES ? MALFORMED : afterTrailerByte(state, code);
  }

  function digit(code: number): number {
    const value = hexDigit(code);
    if (value === -1) return digits === 0 ? MALFORMED : afterDigits(code);
    digits += 1;
    size = size * 16 + value;
    return Number.isSafeInteger(size) && digits <= MAX_DIGITS ? SIZE : MALFORMED;
  }

  function afterSize(code: number): number {
    digits = 0;
    if (code !== LF) return MALFORMED;
    return size === 0 ? TRAILER_START : DATA;
  }
}

function afterDigits(code: number): number {
  if (code === CR) return SIZE_LF;
  return code === SEMICOLON ? EXTENSION : MALFORMED;
}

function afterExtensionByte(state: number, code: number): number {
  if (code === CR && state === EXTENSION) return SIZE_LF;
  if (!isValueByte(code)) return MALFORMED;
  if (state === QUOTED_PAIR) return QUOTED;
  if (code === QUOTE) return state === QUOTED ? EXTENSION : QUOTED;
  return code === BACKSLASH && state === QUOTED ? QUOTED_PAIR : state;
}

function afterTrailerByte(state: number, code: number): number {
  if (code === CR && state === TRAILER_START) return LAST_LF;
  if (code === CR && state === TRAILER_VALUE) return TRAILER_LF;
  if (state === TRAILER_VALUE) return isValueByte(code) ? TRAILER_VALUE : MALFORMED;
  if (code === COLON && state === TRAILER_NAME) return TRAILER_VALUE;
  return TOKEN[code] === 1 ? TRAILER_NAME : MALFORMED;
}

function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}
