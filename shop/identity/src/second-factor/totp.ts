import { createHmac, timingSafeEqual } from 'node:crypto';

/** Codes of authenticator apps: RFC 6238 with what all of them know, SHA-1, six digits, 30 seconds. */

const STEP_SECONDS = 30;
const DIGITS = 6;
/** Clocks of phones are off, and people are slow: the code before and the one after count as well. */
const TOLERATED_STEPS = 1;

export function stepAt(nowMs: number): number {
  return Math.floor(nowMs / 1_000 / STEP_SECONDS);
}

export function codeOf(secret: Buffer, step: number): string {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const mac = createHmac('sha1', secret).update(counter).digest();
  const offset = (mac.at(-1) ?? 0) & 0xf;
  const value = mac.readUInt32BE(offset) & 0x7fff_ffff;
  return String(value % 10 ** DIGITS).padStart(DIGITS, '0');
}

/** The step whose code this is; `undefined` when it is of none that counts, or of one up to `lastStep`, which is used up. */
export function findStep(secret: Buffer, code: string, nowMs: number, lastStep: number): number | undefined {
  const given = Buffer.from(code.replaceAll(/\s/g, ''));
  const now = stepAt(nowMs);
  let found: number | undefined;
  for (let step = now - TOLERATED_STEPS; step <= now + TOLERATED_STEPS; step += 1) {
    const expected = Buffer.from(codeOf(secret, step));
    if (given.length === expected.length && timingSafeEqual(given, expected) && step > lastStep) found = step;
  }
  return found;
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** RFC 4648 without padding, as apps want secrets. */
export function base32(bytes: Buffer): string {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  const groups = bits.match(/.{1,5}/g) ?? [];
  return groups.map((group) => ALPHABET[Number.parseInt(group.padEnd(5, '0'), 2)]).join('');
}

export function fromBase32(text: string): Buffer {
  const bits = [...text].map((sign) => ALPHABET.indexOf(sign).toString(2).padStart(5, '0')).join('');
  return Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
}

/** What a QR code says to an app. */
export function enrolmentUri(secret: Buffer, email: string): string {
  const query = new URLSearchParams({ secret: base32(secret), issuer: 'Flotilla' });
  return `otpauth://totp/${encodeURIComponent(`Flotilla:${email}`)}?${query}`;
}
