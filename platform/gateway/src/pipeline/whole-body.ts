import { BODY_TOO_LARGE, CLIENT_GONE, type Refusal } from '../wire/rules/refusal.ts';
import type { RequestBody } from '../wire/rules/request.ts';

/**
 * Reads a body into memory, for what needs it more than once: parts of an aggregate, a second side, a cache key. Resolves with the
 * refusal when it is larger than `maxBytes`, malformed or never complete.
 */
export function readWhole(body: RequestBody, maxBytes: number): Promise<Buffer | Refusal> {
  if (body.framing.kind === 'none') return Promise.resolve(Buffer.alloc(0));
  if (body.framing.kind === 'length' && body.framing.bytes > maxBytes) return Promise.resolve(BODY_TOO_LARGE);
  const { promise, resolve } = Promise.withResolvers<Buffer | Refusal>();
  const chunks: Buffer[] = [];
  body.read(
    {
      data: (chunk) => chunks.push(chunk),
      end: () => resolve(Buffer.concat(chunks)),
      error: (refusal) => resolve(refusal ?? CLIENT_GONE),
    },
    maxBytes,
  );
  return promise;
}
