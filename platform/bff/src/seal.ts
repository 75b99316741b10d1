import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { bffError } from './errors.ts';

/** Encrypts what is kept in the database or handed to a browser. */
export interface Seal {
  /** `place` is part of the proof: a value that is put elsewhere does not open. */
  seal(value: object, place: string): Buffer;
  /** Throws `BFF_SEAL_BROKEN`. What comes out is what once went in. */
  open(sealed: Buffer, place: string): unknown;
}

const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** AES-256-GCM; a sealed value is nonce, tag, ciphertext. Each purpose has a key of its own, derived from the one of 32 bytes. */
export function createSeal(secret: Buffer, purpose: string): Seal {
  if (secret.length !== 32) throw new RangeError(`the sealing key must have 32 bytes, got ${secret.length}`);
  const key = Buffer.from(hkdfSync('sha256', secret, '', `flotilla bff ${purpose}`, 32));
  return {
    seal: (value, place) => {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(place));
      const text = Buffer.concat([cipher.update(JSON.stringify(value), 'utf8'), cipher.final()]);
      return Buffer.concat([nonce, cipher.getAuthTag(), text]);
    },
    open: (sealed, place) => {
      try {
        const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, NONCE_BYTES), {
          authTagLength: TAG_BYTES,
        })
          .setAAD(Buffer.from(place))
          .setAuthTag(sealed.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
        const text = decipher.update(sealed.subarray(NONCE_BYTES + TAG_BYTES));
        return JSON.parse(Buffer.concat([text, decipher.final()]).toString('utf8'));
      } catch (cause) {
        throw bffError('BFF_SEAL_BROKEN', `a sealed ${purpose} cannot be opened with this key`, { cause });
      }
    },
  };
}
