import { CR, LF, SEMICOLON, TOKEN, VALUE } from '../../rules/characters.ts';
import { CLIENT } from '../../rules/limits.ts';
import { malformed, type Refusal } from '../../rules/refusal.ts';
import { skipTrailers } from './head-lines.ts';

const MAX_EXTENSION_BYTES = 16_384;

/** Leading zeros are legal, and endless ones would be a body without end. */
const MAX_SIZE_DIGITS = 64;

const BAD_CHUNK = malformed('a chunk is not well formed');
const TOO_MANY_EXTENSIONS: Refusal = {
  ...malformed('the chunk extensions are too large'),
  status: 413,
};

/** Takes chunked bodies apart; sizes, extensions and trailers end here. */
export interface ChunkedDecoder {
  /** The last line has been read: bytes behind it belong to the next request. */
  readonly isComplete: boolean;
  /** Reads from `at` on, and returns where it stopped: the end of `bytes` or of the body. */
  decode(bytes: Buffer, at: number, data: (piece: Buffer) => void): number | Refusal;
}

type Place =
  | 'first-digit'
  | 'size'
  | 'extension-name'
  | 'extension-value'
  | 'extension-token'
  | 'extension-quoted'
  | 'extension-escape'
  | 'extension-closed'
  | 'size-lf'
  | 'data'
  | 'data-cr'
  | 'data-lf'
  | 'trailers'
  | 'complete';

export function createChunkedDecoder(): ChunkedDecoder {
  return new Decoder();
}

/** A class, since its methods are called for every byte of a size. */
class Decoder implements ChunkedDecoder {
  #place: Place = 'first-digit';
  #size: number = 0;
  #digits: number = 0;
  #left: number = 0;
  #extensionBytes: number = 0;
  #nameBytes: number = 0;
  #trailers: string = '';

  get isComplete(): boolean {
    return this.#place === 'complete';
  }

  decode(bytes: Buffer, start: number, data: (piece: Buffer) => void): number | Refusal {
    let at = start;
    while (at < bytes.length && this.#place !== 'complete') {
      if (this.#place === 'data') {
        at = this.#takeData(bytes, at, data);
        continue;
      }
      const behind =
        this.#place === 'trailers' ? this.#takeTrailers(bytes, at) : (this.#step(bytes[at] ?? 0) ?? at + 1);
      if (typeof behind !== 'number') return behind;
      at = behind;
    }
    return at;
  }

  /** One byte outside of data and trailers. */
  #step(code: number): Refusal | undefined {
    switch (this.#place) {
      case 'first-digit':
      case 'size':
        return this.#sizeByte(code);
      case 'size-lf':
        return this.#sizeEnd(code);
      case 'data-cr':
        return this.#expect(code, CR, 'data-lf');
      case 'data-lf':
        return this.#expect(code, LF, 'first-digit');
      default:
        return this.#extensionByte(code);
    }
  }

  #expect(code: number, wanted: number, next: Place): Refusal | undefined {
    if (code !== wanted) return BAD_CHUNK;
    this.#place = next;
    return undefined;
  }

  #sizeByte(code: number): Refusal | undefined {
    const digit = hexDigit(code);
    if (digit === -1) {
      if (this.#place === 'first-digit') return BAD_CHUNK;
      return this.#afterToken(code);
    }
    if (this.#place === 'first-digit') this.#digits = 0;
    this.#size = this.#place === 'first-digit' ? digit : this.#size * 16 + digit;
    this.#place = 'size';
    this.#digits += 1;
    return this.#size > Number.MAX_SAFE_INTEGER || this.#digits > MAX_SIZE_DIGITS ? BAD_CHUNK : undefined;
  }

  /** Where the size or an extension may end. */
  #afterToken(code: number): Refusal | undefined {
    if (code === CR) this.#place = 'size-lf';
    else if (code === SEMICOLON) {
      this.#place = 'extension-name';
      this.#nameBytes = 0;
    } else return BAD_CHUNK;
    return undefined;
  }

  #sizeEnd(code: number): Refusal | undefined {
    if (code !== LF) return BAD_CHUNK;
    this.#left = this.#size;
    this.#place = this.#size === 0 ? 'trailers' : 'data';
    return undefined;
  }

  /** `;name`, `;name=token` or `;name="quoted"`, without blanks around. */
  #extensionByte(code: number): Refusal | undefined {
    this.#extensionBytes += 1;
    if (this.#extensionBytes > MAX_EXTENSION_BYTES) return TOO_MANY_EXTENSIONS;
    switch (this.#place) {
      case 'extension-name':
        return this.#nameByte(code);
      case 'extension-value':
        if (code === 0x22) this.#place = 'extension-quoted';
        else if (TOKEN[code] === 1) this.#place = 'extension-token';
        else return BAD_CHUNK;
        return undefined;
      case 'extension-token':
        return TOKEN[code] === 1 ? undefined : this.#afterToken(code);
      case 'extension-closed':
        return this.#afterToken(code);
      default:
        return this.#quotedByte(code);
    }
  }

  #nameByte(code: number): Refusal | undefined {
    if (TOKEN[code] === 1) this.#nameBytes += 1;
    else if (this.#nameBytes === 0) return BAD_CHUNK;
    else if (code === 0x3d) this.#place = 'extension-value';
    else return this.#afterToken(code);
    return undefined;
  }

  #quotedByte(code: number): Refusal | undefined {
    if (VALUE[code] !== 1) return BAD_CHUNK;
    if (this.#place === 'extension-escape') this.#place = 'extension-quoted';
    else if (code === 0x22) this.#place = 'extension-closed';
    else if (code === 0x5c) this.#place = 'extension-escape';
    return undefined;
  }

  #takeData(bytes: Buffer, at: number, data: (piece: Buffer) => void): number {
    const end = Math.min(bytes.length, at + this.#left);
    this.#left -= end - at;
    if (this.#left === 0) this.#place = 'data-cr';
    data(bytes.subarray(at, end));
    return end;
  }

  /** The place behind what belongs to the trailers. */
  #takeTrailers(bytes: Buffer, at: number): number | Refusal {
    const before = this.#trailers.length;
    this.#trailers += bytes.toString(
      'latin1',
      at,
      Math.min(bytes.length, at + CLIENT.maxTrailerBytes - before),
    );
    const length = skipTrailers(this.#trailers);
    if (length === 'incomplete') return bytes.length;
    if (typeof length !== 'number') return length;
    this.#place = 'complete';
    return at + length - before;
  }
}

function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}
