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
  let place: Place = 'first-digit';
  let size = 0;
  let digits = 0;
  let left = 0;
  let extensionBytes = 0;
  let nameBytes = 0;
  let trailers = '';

  /** One byte outside of data and trailers. */
  function step(code: number): Refusal | undefined {
    switch (place) {
      case 'first-digit':
      case 'size':
        return sizeByte(code);
      case 'size-lf':
        return sizeEnd(code);
      case 'data-cr':
        return expect(code, CR, 'data-lf');
      case 'data-lf':
        return expect(code, LF, 'first-digit');
      default:
        return extensionByte(code);
    }
  }

  function expect(code: number, wanted: number, next: Place): Refusal | undefined {
    if (code !== wanted) return BAD_CHUNK;
    place = next;
    return undefined;
  }

  function sizeByte(code: number): Refusal | undefined {
    const digit = hexDigit(code);
    if (digit === -1) {
      if (place === 'first-digit') return BAD_CHUNK;
      return afterToken(code);
    }
    if (place === 'first-digit') digits = 0;
    size = place === 'first-digit' ? digit : size * 16 + digit;
    place = 'size';
    digits += 1;
    return size > Number.MAX_SAFE_INTEGER || digits > MAX_SIZE_DIGITS ? BAD_CHUNK : undefined;
  }

  /** Where the size or an extension may end. */
  function afterToken(code: number): Refusal | undefined {
    if (code === CR) place = 'size-lf';
    else if (code === SEMICOLON) {
      place = 'extension-name';
      nameBytes = 0;
    } else return BAD_CHUNK;
    return undefined;
  }

  function sizeEnd(code: number): Refusal | undefined {
    if (code !== LF) return BAD_CHUNK;
    left = size;
    place = size === 0 ? 'trailers' : 'data';
    return undefined;
  }

  /** `;name`, `;name=token` or `;name="quoted"`, without blanks around. */
  function extensionByte(code: number): Refusal | undefined {
    extensionBytes += 1;
    if (extensionBytes > MAX_EXTENSION_BYTES) return TOO_MANY_EXTENSIONS;
    switch (place) {
      case 'extension-name':
        return nameByte(code);
      case 'extension-value':
        if (code === 0x22) place = 'extension-quoted';
        else if (TOKEN[code] === 1) place = 'extension-token';
        else return BAD_CHUNK;
        return undefined;
      case 'extension-token':
        return TOKEN[code] === 1 ? undefined : afterToken(code);
      case 'extension-closed':
        return afterToken(code);
      default:
        return quotedByte(code);
    }
  }

  function nameByte(code: number): Refusal | undefined {
    if (TOKEN[code] === 1) nameBytes += 1;
    else if (nameBytes === 0) return BAD_CHUNK;
    else if (code === 0x3d) place = 'extension-value';
    else return afterToken(code);
    return undefined;
  }

  function quotedByte(code: number): Refusal | undefined {
    if (VALUE[code] !== 1) return BAD_CHUNK;
    if (place === 'extension-escape') place = 'extension-quoted';
    else if (code === 0x22) place = 'extension-closed';
    else if (code === 0x5c) place = 'extension-escape';
    return undefined;
  }

  function takeData(bytes: Buffer, at: number, data: (piece: Buffer) => void): number {
    const end = Math.min(bytes.length, at + left);
    left -= end - at;
    if (left === 0) place = 'data-cr';
    data(bytes.subarray(at, end));
    return end;
  }

  /** The place behind what belongs to the trailers. */
  function takeTrailers(bytes: Buffer, at: number): number | Refusal {
    const before = trailers.length;
    trailers += bytes.toString('latin1', at, Math.min(bytes.length, at + CLIENT.maxHeadBytes - before));
    const length = skipTrailers(trailers);
    if (length === 'incomplete') return bytes.length;
    if (typeof length !== 'number') return length;
    place = 'complete';
    return at + length - before;
  }

  return {
    get isComplete() {
      return place === 'complete';
    },
    decode: (bytes, start, data) => {
      let at = start;
      while (at < bytes.length && place !== 'complete') {
        if (place === 'data') {
          at = takeData(bytes, at, data);
          continue;
        }
        const behind = place === 'trailers' ? takeTrailers(bytes, at) : (step(bytes[at] ?? 0) ?? at + 1);
        if (typeof behind !== 'number') return behind;
        at = behind;
      }
      return at;
    },
  };
}

function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}
