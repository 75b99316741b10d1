import { hash, timingSafeEqual } from 'node:crypto';

/** Is a text the secret? Compared by their digests, which all have the same length: it takes as long for a wrong one as for the right one. */
export function createSecretCheck(secret: string): (given: string) => boolean {
  const expected = hash('sha256', secret, 'buffer');
  return (given) => timingSafeEqual(hash('sha256', given, 'buffer'), expected);
}
