import { createHash, createHmac, hkdfSync } from 'node:crypto';

/** What is known of a refresh token that is presented. */
export interface PresentedToken {
  /** Undefined: nobody has used it. */
  readonly usedAtMs: number | undefined;
  /** Whether anybody has used the token that was given for it. */
  readonly isSuccessorUsed: boolean;
}

/** `first`: it is exchanged for its successor. `again`: the same successor is given once more. `replay`: its family ends. */
export type TokenUse = 'first' | 'again' | 'replay';

/**
 * Two tabs refresh at once, a response is lost, a process ends after COMMIT: the same token comes again soon, and nobody
 * has used its successor. Everything else is somebody who holds a copy.
 */
export function decideUse(
  { usedAtMs, isSuccessorUsed }: PresentedToken,
  nowMs: number,
  repeatMs: number,
): TokenUse {
  if (usedAtMs === undefined) return 'first';
  return nowMs - usedAtMs < repeatMs && !isSuccessorUsed ? 'again' : 'replay';
}

/** A token has one successor, derived from it, so that it can be given again without being kept. */
export type SuccessorOf = (token: string) => string;

/** `key`: 32 bytes that all replicas share; whoever has it can derive successors. */
export function createSuccessors(key: Buffer): SuccessorOf {
  const derived = Buffer.from(hkdfSync('sha256', key, '', 'successor of a refresh token', 32));
  return (token) => createHmac('sha256', derived).update(token).digest('base64url');
}

/** Ids of tokens have 256 random bits or are derived from them, so a fast hash without salt is enough. */
export function hashOf(id: string): Buffer {
  return createHash('sha256').update(id).digest();
}
