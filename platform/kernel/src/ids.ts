import { createHash, randomUUID } from 'node:crypto';

/** Makes a new identifier. */
export type NewId = () => string;

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** A UUID of any version as text, in either case: what a `uuid` column takes without an error. */
export function isUuid(text: string): boolean {
  return UUID.test(text);
}

/** UUID version 7 (RFC 9562 §5.7): sorts by creation time to the millisecond; 74 random bits. */
export function uuidv7(nowMs: number = Date.now()): string {
  const time = nowMs.toString(16).padStart(12, '0');
  // Node keeps random bytes for UUIDs in stock; only the version has to be ours.
  return `${time.slice(0, 8)}-${time.slice(8)}-7${randomUUID().slice(15)}`;
}

/**
 * UUID version 5 (RFC 9562 §5.5): the same name in the same namespace always gives the same id.
 * Used for command ids, so that a retried step repeats its command instead of inventing a new one.
 */
export function uuidv5(name: string, namespace: string): string {
  const bytes = createHash('sha1')
    .update(Buffer.from(namespace.replaceAll('-', ''), 'hex'))
    .update(name)
    .digest();
  bytes[6] = 0x50 | ((bytes[6] ?? 0) & 0x0f);
  bytes[8] = 0x80 | ((bytes[8] ?? 0) & 0x3f);
  return format(bytes);
}

function format(bytes: Buffer): string {
  const hex = bytes.toString('hex', 0, 16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
