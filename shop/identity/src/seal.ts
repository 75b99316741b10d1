import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { identityError } from './errors.ts';

/** Encrypts small secrets at rest. `context` binds a sealed value to its place: elsewhere it does not open. */
export interface Seal {
  seal(secret: Buffer, context: string): Buffer;
  /** Throws `IDENTITY_SEAL_BROKEN` when the key is another one or the value was changed. */
  open(sealed: Buffer, context: string): Buffer;
}

const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** AES-256-GCM with a key of 32 bytes; a sealed value is nonce, tag, ciphertext. */
export function createSeal(key: Buffer): Seal {
  if (key.length !== 32) throw new RangeError(`the sealing key must have 32 bytes, got ${key.length}`);
  return {
    seal: (secret, context) => {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(context));
      const text = Buffer.concat([cipher.update(secret), cipher.final()]);
      return Buffer.concat([nonce, cipher.getAuthTag(), text]);
    },
    open: (sealed, context) => {
      try {
        const tag = sealed.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES);
        const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, NONCE_BYTES), {
          authTagLength: TAG_BYTES,
        })
          .setAAD(Buffer.from(context))
          .setAuthTag(tag);
        return Buffer.concat([decipher.update(sealed.subarray(NONCE_BYTES + TAG_BYTES)), decipher.final()]);
      } catch (cause) {
        throw identityError('IDENTITY_SEAL_BROKEN', `${context} cannot be opened with this key`, { cause });
      }
    },
  };
}
