import { hkdfSync } from 'node:crypto';
import { createSeal } from '@flotilla/auth';
import { bffError } from './errors.ts';

/** Encrypts values that are kept in the database or handed to a browser. */
export interface ValueSeal {
  /** `place` is part of the proof: a value that is put elsewhere does not open. */
  seal(value: object, place: string): Buffer;
  /** Throws `BFF_SEAL_BROKEN`. What comes out is what once went in. */
  open(sealed: Buffer, place: string): unknown;
}

/** Each purpose has a key of its own, derived from the one of 32 bytes. */
export function createValueSeal(secret: Buffer, purpose: string): ValueSeal {
  if (secret.length !== 32) throw new RangeError(`the sealing key must have 32 bytes, got ${secret.length}`);
  const key = Buffer.from(hkdfSync('sha256', secret, '', `flotilla bff ${purpose}`, 32));
  const { seal, open } = createSeal(key, (_place, cause) =>
    bffError('BFF_SEAL_BROKEN', `a sealed ${purpose} cannot be opened with this key`, { cause }),
  );
  return {
    seal: (value, place) => seal(Buffer.from(JSON.stringify(value)), place),
    open: (sealed, place) => JSON.parse(open(sealed, place).toString('utf8')),
  };
}
