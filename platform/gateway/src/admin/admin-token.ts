import { randomBytes } from 'node:crypto';
import { createSecretCheck } from '@flotilla/kernel';

const SHORTEST = 16;

/** A token for one run of the gateway; the caller shows it once. */
export function newAdminToken(): string {
  return randomBytes(24).toString('base64url');
}

/** Throws `RangeError` when the token is too short or cannot travel in a header. Its value is never shown. */
export function assertAdminToken(token: string): void {
  if (token.length < SHORTEST)
    throw new RangeError(`the admin token must have at least ${SHORTEST} characters, got ${token.length}`);
  if (!/^[\x21-\x7e]+$/.test(token))
    throw new RangeError('the admin token must be printable ASCII without spaces');
}

/** Is `authorization` a bearer of the token? It takes as long for a wrong one as for the right one. */
export function createTokenCheck(token: string): (authorization: string | undefined) => boolean {
  const isToken = createSecretCheck(token);
  return (authorization = '') => {
    const given = /^bearer +(\S+)$/i.exec(authorization)?.[1] ?? '';
    return isToken(given);
  };
}
