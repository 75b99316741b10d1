import type { Http2Stream } from 'node:http2';
import { addAbortSignal } from 'node:stream';

const ABORTED = AbortSignal.abort();

/**
 * Resets the stream with CANCEL. `stream.close(code)` would send END_STREAM first, and with it complete a message
 * of which a part is missing.
 */
export function giveUp(stream: Http2Stream): void {
  if (!stream.destroyed) addAbortSignal(ABORTED, stream);
}
