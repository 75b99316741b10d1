import type { LogoutNotice } from '@flotilla/auth/provider';
import type { Clock } from '@flotilla/kernel';
import { SignJWT } from 'jose';
import type { SigningKeys } from '../signing-keys.ts';

const EVENT = 'http://schemas.openid.net/event/backchannel-logout';
const LIFE_SECONDS = 120;

/** Signs logout tokens (OpenID Connect Back-Channel Logout 1.0 §2.4). The same notice has the same `jti`, however often it is sent. */
export function createLogoutTokens(
  issuer: string,
  keys: Pick<SigningKeys, 'current'>,
  clock: Pick<Clock, 'now'>,
): (notice: LogoutNotice) => Promise<string> {
  return async ({ id, clientId, accountId, sessionId }) => {
    const { kid, privateKey } = keys.current('RS256');
    const iat = Math.floor(clock.now().getTime() / 1_000);
    const times = { iat, exp: iat + LIFE_SECONDS };
    return await new SignJWT({ sub: accountId, sid: sessionId, events: { [EVENT]: {} }, jti: id, ...times })
      .setProtectedHeader({ alg: 'RS256', typ: 'logout+jwt', kid })
      .setIssuer(issuer)
      .setAudience(clientId)
      .sign(privateKey);
  };
}
