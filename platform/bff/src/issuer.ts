import type { Clock } from '@flotilla/kernel';
import type { Configuration, CustomFetch, TokenEndpointResponse } from 'openid-client';
import { bffError } from './errors.ts';

/** What a login or an exchange of tokens gives. */
export interface Tokens {
  readonly accessToken: string;
  readonly refreshToken: string | undefined;
  readonly expiresInSeconds: number;
}

/** Claims of an ID token, after everything about it was checked. */
export type Claims = Readonly<Record<string, unknown>> & { readonly sub: string };

export interface SignedIn extends Tokens {
  readonly claims: Claims;
}

export interface Exchanged extends Tokens {
  /** What the issuer says of the user now; `undefined` where it gives no ID token with an exchange. */
  readonly claims?: Claims | undefined;
}

/** What a browser must bring back to end the login that it began. */
export interface LoginSecrets {
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
}

/** The OpenID provider, as a confidential client sees it (authorization code with PKCE). */
export interface Issuer {
  begin(state: string, loginHint?: string): Promise<{ readonly url: URL; readonly secrets: LoginSecrets }>;
  /** Throws `BFF_LOGIN_REFUSED`, `BFF_ISSUER_UNAVAILABLE`. */
  finish(answer: URL, secrets: LoginSecrets): Promise<SignedIn>;
  /** Throws `BFF_SESSION_ENDED` when there are no more tokens, `BFF_ISSUER_UNAVAILABLE` when that is not known. */
  refresh(refreshToken: string): Promise<Exchanged>;
  revoke(refreshToken: string): Promise<void>;
}

export interface IssuerOptions {
  /** `iss`; its metadata are below it. */
  readonly url: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** Where browsers are sent back to. */
  readonly redirectUri: string;
  readonly scope: string;
  /** How the issuer is reached from here, if not by its public address. */
  readonly fetch?: CustomFetch;
  /** Longest wait for one answer. Default 15 s: longer than an issuer needs, since a request that was given up may have been carried out. */
  readonly timeoutSeconds?: number;
}

/** Before a browser is sent to the issuer its metadata are read again when they are older: an issuer that is away is told here. */
const LOGIN_METADATA_MS = 5_000;

/** Metadata are read when somebody needs them; a failure is tried again by whoever needs them next. */
export function createIssuer(options: IssuerOptions, clock: Pick<Clock, 'now'>): Issuer {
  let known: { readonly connected: Connected; readonly atMs: number } | undefined;
  let reading: Promise<Connected> | undefined;
  async function read(): Promise<Connected> {
    try {
      const connected = await connect(options);
      known = { connected, atMs: clock.now().getTime() };
      return connected;
    } catch (error) {
      throw unavailable('its metadata could not be read', error);
    } finally {
      reading = undefined;
    }
  }
  const connected = async (maxAgeMs = Number.POSITIVE_INFINITY): Promise<Connected> => {
    if (known !== undefined && clock.now().getTime() - known.atMs <= maxAgeMs) return known.connected;
    reading ??= read();
    return await reading;
  };

  return {
    begin: async (state, loginHint) => {
      const { openid, config } = await connected(LOGIN_METADATA_MS);
      const secrets = { state, nonce: openid.randomNonce(), verifier: openid.randomPKCECodeVerifier() };
      const url = openid.buildAuthorizationUrl(config, {
        redirect_uri: options.redirectUri,
        scope: options.scope,
        state,
        nonce: secrets.nonce,
        code_challenge: await openid.calculatePKCECodeChallenge(secrets.verifier),
        code_challenge_method: 'S256',
        ...(loginHint !== undefined && { login_hint: loginHint }),
      });
      return { url, secrets };
    },
    finish: async (answer, { state, nonce, verifier }) => {
      const { openid, config } = await connected();
      const checks = {
        expectedState: state,
        expectedNonce: nonce,
        pkceCodeVerifier: verifier,
        idTokenExpected: true,
      };
      const given = await openid.authorizationCodeGrant(config, answer, checks).catch((error: unknown) => {
        throw isRefusal(openid, error)
          ? refused(error)
          : unavailable('the code could not be redeemed', error);
      });
      const claims = given.claims();
      if (claims === undefined) throw refused(undefined);
      return { ...tokensOf(given), claims: { ...claims } };
    },
    refresh: async (refreshToken) => {
      const { openid, config } = await connected();
      try {
        const given = await openid.refreshTokenGrant(config, refreshToken);
        return { ...tokensOf(given), claims: given.claims() };
      } catch (error) {
        if (error instanceof openid.ResponseBodyError && error.error === 'invalid_grant')
          throw bffError('BFF_SESSION_ENDED', 'the issuer gives no more tokens', { cause: error });
        throw unavailable('tokens could not be exchanged', error);
      }
    },
    revoke: async (refreshToken) => {
      const { openid, config } = await connected();
      await openid.tokenRevocation(config, refreshToken, { token_type_hint: 'refresh_token' });
    },
  };
}

type OpenId = typeof import('openid-client');

interface Connected {
  readonly openid: OpenId;
  readonly config: Configuration;
}

async function connect({
  url,
  clientId,
  clientSecret,
  fetch,
  timeoutSeconds = 15,
}: IssuerOptions): Promise<Connected> {
  // At the first login: nothing else needs it.
  const openid = await import('openid-client');
  const issuer = new URL(url);
  const config = await openid.discovery(issuer, clientId, undefined, openid.ClientSecretBasic(clientSecret), {
    execute: [
      openid.enableNonRepudiationChecks,
      ...(issuer.protocol === 'http:' ? [openid.allowInsecureRequests] : []),
    ],
    timeout: timeoutSeconds,
    ...(fetch !== undefined && { [openid.customFetch]: fetch }),
  });
  return { openid, config };
}

/** The issuer, or who pretends to be, said no: everything else may be otherwise at the next try. */
function isRefusal(openid: OpenId, error: unknown): boolean {
  if (error instanceof openid.ResponseBodyError) return error.status < 500 && error.status !== 429;
  if (error instanceof openid.AuthorizationResponseError) return true;
  return (
    error instanceof openid.ClientError &&
    /^OAUTH_(JWT|INVALID_RESPONSE|MISSING|UNSUPPORTED)/.test(error.code ?? '')
  );
}

function refused(cause: unknown) {
  return bffError('BFF_LOGIN_REFUSED', 'the answer of the issuer does not belong to this login', { cause });
}

function unavailable(what: string, cause: unknown) {
  return bffError('BFF_ISSUER_UNAVAILABLE', `the issuer: ${what}`, { retryable: true, cause });
}

const DEFAULT_SECONDS = 60;

function tokensOf(given: TokenEndpointResponse): Tokens {
  return {
    accessToken: given.access_token,
    refreshToken: given.refresh_token,
    expiresInSeconds: given.expires_in ?? DEFAULT_SECONDS,
  };
}
