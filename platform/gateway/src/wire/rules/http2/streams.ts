import type { Http2Stream } from 'node:http2';
import { addAbortSignal } from 'node:stream';

/**
 * Tells whether the other side ended the stream with END_STREAM. Node emits `end` for a reset with NO_ERROR as
 * well, and then a part would be taken for a whole. The one difference: it pushes the end of an orderly stream
 * before it has closed it, and that of any other afterwards.
 */
export function watchCleanEnd(stream: Http2Stream): () => boolean {
  const { push } = stream;
  let isClean = false;
  stream.push = (chunk: unknown, encoding?: BufferEncoding) => {
    if (chunk === null && !stream.closed && !stream.destroyed) isClean = true;
    return push.call(stream, chunk, encoding);
  };
  return () => isClean;
}

const ABORTED = AbortSignal.abort();

/**
 * Resets the stream with CANCEL. `stream.close(code)` would send END_STREAM first, and with it complete a message
 * of which a part is missing.
 */
export function giveUp(stream: Http2Stream): void {
  if (!stream.destroyed) addAbortSignal(ABORTED, stream);
}
