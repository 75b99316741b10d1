import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate, zstdDecompress } from 'node:zlib';
import type { CollectedResponse, TakeBytes } from '../pipeline/collected-response.ts';
import { fieldValue } from '../wire/rules/fields.ts';

type Decode = (bytes: Buffer, options: { readonly maxOutputLength: number }) => Promise<Buffer>;

const DECODERS: Readonly<Record<string, Decode>> = {
  gzip: promisify(gunzip),
  'x-gzip': promisify(gunzip),
  deflate: promisify(inflate),
  br: promisify(brotliDecompress),
  zstd: promisify(zstdDecompress),
};

/**
 * The body of a part as it was before its back end coded it: some do although they are asked not to, and a cache may hold what
 * another client asked for. `too-large` beyond `maxBytes`, `no-room` beyond what `take` gives, `unreadable` for codings that are unknown, several or broken.
 */
export async function decodePart(
  answer: CollectedResponse,
  maxBytes: number,
  take: TakeBytes,
): Promise<Buffer | 'too-large' | 'no-room' | 'unreadable'> {
  const body = answer.body();
  const coding = answer.head && fieldValue(answer.head.fields, 'content-encoding')?.toLowerCase();
  if (coding === undefined || coding === 'identity' || body.length === 0) return body;
  const decode = Object.hasOwn(DECODERS, coding) ? DECODERS[coding] : undefined;
  if (decode === undefined) return 'unreadable';
  try {
    const decoded = await decode(body, { maxOutputLength: maxBytes });
    return take(decoded.length) === decoded.length ? decoded : 'no-room';
  } catch (error) {
    const isTooLarge = error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE';
    return isTooLarge ? 'too-large' : 'unreadable';
  }
}
