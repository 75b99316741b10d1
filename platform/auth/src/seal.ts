import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

/** Encrypts small secrets that are kept in a database or handed to a browser. */
export interface Seal {
  /** `context` binds a sealed value to its place: elsewhere it does not open. */
  seal(secret: Uint8Array, context: string): Buffer;
  /** Throws what `createSeal` was given when the key is another one, the place is, or the value was changed. */
  open(sealed: Buffer, context: string): Buffer;
}

const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** AES-256-GCM with a key of 32 bytes; a sealed value is nonce, tag, ciphertext. */
export function createSeal(key: Buffer, broken: (context: string, cause: unknown) => Error): Seal {
  if (key.length !== KEY_BYTES)
    throw new RangeError(`the sealing key must have ${KEY_BYTES} bytes, got ${key.length}`);
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
        throw broken(context, cause);
      }
    },
  };
}
