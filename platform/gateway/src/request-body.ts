import { Readable } from 'node:stream';
import { isPlatformError } from '@flotilla/kernel';
import { bodyTooLarge } from './errors.ts';
import type { Exchange } from './exchange.ts';
import type { BodyFraming } from './request-head.ts';

/** A client that sends nothing of an announced body for so long is given up. */
const STALLED_BODY_MS = 10_000;

/**
 * The client's body for one try, `null` when there is none. It is read only when a back end takes it, so that
 * a try without a connection leaves it untouched for the next.
 */
export function requestBody(exchange: Exchange, framing: BodyFraming, maxBytes: number): Readable | null {
  if (framing.kind === 'none' || (framing.kind === 'length' && framing.bytes === 0)) return null;
  const body = Readable.from(limited(exchange, maxBytes), { objectMode: false });
  // After an early answer nobody listens any more, and an error without a listener would end the process.
  body.on('error', () => undefined);
  return body;
}

async function* limited({ request, askForBody }: Exchange, maxBytes: number): AsyncGenerator<Buffer> {
  askForBody();
  let bytes = 0;
  let stalled = setTimeout(() => request.destroy(), STALLED_BODY_MS);
  try {
    // Not destroyed on return: the connection is still needed for the answer.
    for await (const chunk of request.iterator({ destroyOnReturn: false })) {
      clearTimeout(stalled); // time that the back end takes is not the client's
      bytes += (chunk as Buffer).length; // no encoding is set, so chunks are buffers
      if (bytes > maxBytes) throw bodyTooLarge(maxBytes);
      yield chunk as Buffer;
      stalled = setTimeout(() => request.destroy(), STALLED_BODY_MS);
    }
  } finally {
    clearTimeout(stalled);
  }
}

export function isTooLarge(error: unknown): boolean {
  return isPlatformError(error) && error.code === 'GATEWAY_BODY_TOO_LARGE';
}
