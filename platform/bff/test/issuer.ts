import { generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import { createStaticKeys } from '@flotilla/auth';

export const ISSUER = 'https://id.test';
export const CLIENT = { id: 'web-app', secret: 'the-secret-of-the-client' };

type Claims = Readonly<Record<string, unknown>>;
type Fetch = (
  url: string,
  init: { readonly body?: unknown; readonly headers?: unknown },
) => Promise<Response>;

/** An OpenID provider in memory: codes, refresh tokens that work once, and a second time within a while, as the shop's do. */
export function createTestProvider() {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 });
  const jwks = { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'k1', alg: 'RS256', use: 'sig' }] };
  const codes = new Map<
    string,
    { readonly challenge: string; readonly nonce: string; readonly claims: Claims }
  >();
  const successors = new Map<string, string>();
  const state = {
    /** Refresh tokens presented, in order. */
    exchanges: [] as string[],
    /** Set to change how exchanges are answered. */
    onExchange: undefined as undefined | ((token: string) => Promise<Response | undefined>),
    isAway: false,
    revoked: [] as string[],
    expiresIn: 300,
    ended: new Set<string>(),
  };

  function signed(claims: Claims, header: Claims = {}): string {
    const input = [{ alg: 'RS256', kid: 'k1', ...header }, claims]
      .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
      .join('.');
    return `${input}.${sign('sha256', Buffer.from(input), privateKey).toString('base64url')}`;
  }

  const seconds = () => Math.floor(Date.now() / 1_000);
  const tokens = (refreshToken: string, more: object = {}) =>
    Response.json({
      ...{ access_token: `access of ${refreshToken}`, token_type: 'Bearer', expires_in: state.expiresIn },
      ...{ refresh_token: refreshToken, ...more },
    });

  async function token(form: URLSearchParams): Promise<Response> {
    if (form.get('grant_type') === 'refresh_token') {
      const presented = form.get('refresh_token') ?? '';
      state.exchanges.push(presented);
      const special = await state.onExchange?.(presented);
      if (special !== undefined) return special;
      if (state.ended.has(presented.split(' ')[0] ?? ''))
        return Response.json({ error: 'invalid_grant' }, { status: 400 });
      const [family = '', turn = '0'] = presented.split(' ');
      const next = successors.get(presented) ?? `${family} ${Number(turn) + 1}`;
      successors.set(presented, next);
      return tokens(next);
    }
    const code = codes.get(form.get('code') ?? '');
    codes.delete(form.get('code') ?? '');
    const { createHash } = await import('node:crypto');
    const challenge = createHash('sha256')
      .update(form.get('code_verifier') ?? '')
      .digest('base64url');
    if (code === undefined || code.challenge !== challenge)
      return Response.json({ error: 'invalid_grant' }, { status: 400 });
    const iat = seconds();
    const claims = { iss: ISSUER, aud: CLIENT.id, iat, exp: iat + 3_600, nonce: code.nonce, ...code.claims };
    return tokens(`family-${randomUUID()} 0`, { id_token: signed(claims) });
  }

  const fetch: Fetch = async (address, { body, headers }) => {
    if (state.isAway) throw new TypeError('fetch failed');
    const { pathname } = new URL(address);
    if (pathname === '/.well-known/openid-configuration')
      return Response.json({
        issuer: ISSUER,
        authorization_endpoint: `${ISSUER}/auth`,
        token_endpoint: `${ISSUER}/token`,
        revocation_endpoint: `${ISSUER}/revoke`,
        jwks_uri: `${ISSUER}/jwks`,
        id_token_signing_alg_values_supported: ['RS256'],
        authorization_response_iss_parameter_supported: true,
      });
    if (pathname === '/jwks') return Response.json(jwks);
    const authorization = new Headers(headers as Record<string, string>).get('authorization') ?? '';
    // Both parts are encoded as in a form (RFC 6749 §2.3.1).
    const secret = decodeURIComponent(Buffer.from(authorization.replace('Basic ', ''), 'base64').toString());
    if (secret !== `${CLIENT.id}:${CLIENT.secret}`)
      return Response.json({ error: 'invalid_client' }, { status: 401 });
    const form = new URLSearchParams(String(body));
    if (pathname === '/token') return await token(form);
    state.revoked.push(form.get('token') ?? '');
    return new Response(null);
  };

  return {
    state,
    fetch,
    keys: createStaticKeys(jwks),
    /** What the browser is sent back with, after somebody has signed in at this address. */
    answerTo(address: string, claims: Claims = {}): URLSearchParams {
      const { searchParams: asked } = new URL(address);
      const code = randomUUID();
      codes.set(code, {
        challenge: asked.get('code_challenge') ?? '',
        nonce: asked.get('nonce') ?? '',
        claims: {
          sub: 'alice',
          name: 'Alice',
          email: 'alice@shop.test',
          tenant_id: 'acme',
          sid: 'sid-1',
          ...claims,
        },
      });
      return new URLSearchParams({ code, state: asked.get('state') ?? '', iss: ISSUER });
    },
    logoutToken(claims: Claims = {}, header: Claims = {}): string {
      const iat = seconds();
      const events = { 'http://schemas.openid.net/event/backchannel-logout': {} };
      const own = {
        iss: ISSUER,
        aud: CLIENT.id,
        iat,
        exp: iat + 120,
        jti: randomUUID(),
        sid: 'sid-1',
        sub: 'alice',
        events,
      };
      return signed({ ...own, ...claims }, { typ: 'logout+jwt', ...header });
    },
  };
}

export type TestProvider = ReturnType<typeof createTestProvider>;
