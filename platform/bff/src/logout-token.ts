import { createClaimsVerifier, type KeySource } from '@flotilla/auth';
import { type Clock, isRecord } from '@flotilla/kernel';

/** Whose sessions have ended. */
export type LogoutNotice = { readonly issuerSession: string } | { readonly subject: string };

/** `undefined` = it is no logout token of this issuer for this client. Throws what the key source throws when that cannot be known. */
export type ReadLogoutToken = (token: string) => Promise<LogoutNotice | undefined>;

const EVENT = 'http://schemas.openid.net/event/backchannel-logout';
/** A token may be this old, and come from a clock that is this much ahead. */
const MAX_AGE_SECONDS = 600;
const TOLERANCE_SECONDS = 60;

/** Reads logout tokens by OpenID Connect Back-Channel Logout 1.0 §2.6. */
export function createLogoutTokenReader(options: {
  readonly issuer: string;
  readonly clientId: string;
  readonly keys: KeySource;
  readonly clock: Pick<Clock, 'now'>;
}): ReadLogoutToken {
  const { issuer, clientId, keys, clock } = options;
  const verify = createClaimsVerifier({
    ...{ issuer, audiences: [clientId], keys, clock, clockToleranceSeconds: TOLERANCE_SECONDS },
    algorithms: ['RS256', 'ES256', 'PS256'],
  });
  return async (token) => {
    if (typeOf(token) !== 'logout+jwt') return undefined;
    const claims = await verify(token).catch((error: unknown) => {
      if (codeOf(error) === 'AUTH_TOKEN_INVALID') return undefined;
      throw error;
    });
    if (claims === undefined) return undefined;
    const { iat, jti, nonce, events, sid, sub } = claims;
    const nowSeconds = clock.now().getTime() / 1_000;
    if (typeof iat !== 'number' || iat > nowSeconds + TOLERANCE_SECONDS || iat < nowSeconds - MAX_AGE_SECONDS)
      return undefined;
    // A nonce marks an ID token, which must never pass for this.
    if (typeof jti !== 'string' || nonce !== undefined || !isLogout(events)) return undefined;
    if (typeof sid === 'string') return { issuerSession: sid };
    return typeof sub === 'string' ? { subject: sub } : undefined;
  };
}

function isLogout(events: unknown): boolean {
  return isRecord(events) && Object.hasOwn(events, EVENT) && isRecord(events[EVENT]);
}

/** Read before the signature is checked, and believed only to refuse. */
function typeOf(token: string): string | undefined {
  try {
    const header: unknown = JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString('utf8'));
    const typ = isRecord(header) ? header['typ'] : undefined;
    return typeof typ === 'string' ? typ.toLowerCase().replace(/^application\//, '') : undefined;
  } catch {
    return undefined;
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error ? Reflect.get(error, 'code') : undefined;
}
