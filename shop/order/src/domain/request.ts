import { accept, type Result, reject } from '@flotilla/kernel';

export type KeyRejection = 'idempotency-key-required' | 'idempotency-key-invalid';

/** Reads `Idempotency-Key`: 1 to 255 visible ASCII characters. */
export function parseIdempotencyKey(header: string | undefined): Result<string, KeyRejection> {
  if (header === undefined || header === '') return reject('idempotency-key-required');
  return /^[\x21-\x7e]{1,255}$/.test(header) ? accept(header) : reject('idempotency-key-invalid');
}

const MAX_WAIT_SECONDS = 30;

/**
 * Seconds a client wants to wait for the end of its order (RFC 7240 `Prefer: wait=N`), as milliseconds;
 * `undefined` when it does not. A preference that makes no sense is ignored, as the RFC asks; more than 30 s
 * counts as 30.
 */
export function parseWaitMs(prefer: string | undefined): number | undefined {
  const wait = prefer?.split(/[,;]/).map((part) => /^\s*wait\s*=\s*"?(\d{1,4})"?\s*$/i.exec(part)?.[1]);
  const seconds = Number(wait?.find((found) => found !== undefined) ?? Number.NaN);
  return seconds >= 1 ? Math.min(seconds, MAX_WAIT_SECONDS) * 1_000 : undefined;
}
