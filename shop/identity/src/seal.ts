import { createSeal, type Seal } from '@flotilla/auth';
import { identityError } from './errors.ts';

/** Seals what identity keeps. Opening throws `IDENTITY_SEAL_BROKEN`. */
export function identitySeal(key: Buffer): Seal {
  return createSeal(key, (context, cause) =>
    identityError('IDENTITY_SEAL_BROKEN', `${context} cannot be opened with this key`, { cause }),
  );
}
