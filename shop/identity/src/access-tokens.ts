import type { Clock, NewId } from '@flotilla/kernel';
import { SignJWT } from 'jose';
import { type Account, LOGIN_SCOPE } from './domain/account.ts';
import { acrOf, type Methods } from './domain/assurance.ts';
import type { SigningKeys } from './signing-keys.ts';

export interface AccessToken {
  readonly accessToken: string;
  readonly expiresIn: number;
}

/** Signs access tokens (RFC 9068: `at+jwt`, ES256). */
export interface AccessTokens {
  /** `amr`: how the session began, where that is known. */
  forAccount(account: Account, sessionId: string, amr?: Methods): Promise<AccessToken>;
  forService(clientId: string, scope: string): Promise<AccessToken>;
  /** What another token said, with `aud` and `act` of its own. */
  exchanged(claims: Readonly<Record<string, unknown>>, expiresIn: number): Promise<AccessToken>;
}

export interface AccessTokensOptions {
  readonly keys: Pick<SigningKeys, 'current'>;
  readonly issuer: string;
  readonly audience: string;
  readonly clock: Pick<Clock, 'now'>;
  readonly newId: NewId;
  /** Lifetime of a user's token. */
  readonly accountTokenSeconds: number;
}

/** Who logs in with a password uses the shop's own front end. */
export const PASSWORD_CLIENT = 'shop';
const SERVICE_TOKEN_SECONDS = 300;

/** What a token for the shop's API says about its user, however it was obtained. */
export function accountClaims({ email, name, role, tenantId, permissions }: Account) {
  return { email, name, role, ...(tenantId !== null && { tenant_id: tenantId }), permissions };
}

export function createAccessTokens(options: AccessTokensOptions): AccessTokens {
  const { keys, issuer, audience, clock, newId, accountTokenSeconds } = options;

  async function sign(claims: Readonly<Record<string, unknown>>, expiresIn: number): Promise<AccessToken> {
    const { kid, privateKey } = keys.current();
    const iat = Math.floor(clock.now().getTime() / 1_000);
    const payload = { iss: issuer, aud: audience, iat, exp: iat + expiresIn, jti: newId(), ...claims };
    const header = { alg: 'ES256', typ: 'at+jwt', kid };
    return { accessToken: await new SignJWT(payload).setProtectedHeader(header).sign(privateKey), expiresIn };
  }

  return {
    forAccount: (account, sessionId, amr) =>
      sign(
        {
          sub: account.id,
          client_id: PASSWORD_CLIENT,
          scope: LOGIN_SCOPE,
          ...accountClaims(account),
          sid: sessionId,
          ...(amr && { acr: acrOf(amr), amr }),
        },
        accountTokenSeconds,
      ),
    forService: (clientId, scope) =>
      sign({ sub: clientId, client_id: clientId, scope, permissions: [] }, SERVICE_TOKEN_SECONDS),
    exchanged: sign,
  };
}
