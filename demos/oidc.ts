import { claim, defineDemo } from '@flotilla/cli';
import { authorization, createBrowser, signIn } from '../shop/identity/src/testing/oidc-browser.ts';
import { openShop } from './shop.ts';

const APP = { client_id: 'mobile-app', redirect_uri: 'myapp://callback' };
const SCOPE = 'openid profile orders.read';

interface Tokens {
  readonly access_token?: string;
  readonly id_token?: string;
  readonly error?: string;
}

export const oidc = defineDemo({
  name: 'oidc',
  chapter: '7.2',
  does: 'Signs carol in for the phone app with a code and PKCE, as an OpenID client does, and tries to cheat.',
  look: ['GET /identity/.well-known/openid-configuration', 'docs/auth.md', 'docs/openid-conformance.md'],
  without: 'Every app sees the password of its users, and may do all that they may.',
  prepare: openShop,
  act: async (stage, shop) => {
    const issuer = `${shop.url}/identity`;
    const browser = createBrowser(shop.url, (target, init) => fetch(target, { redirect: 'manual', ...init }));
    const redeem = async (code: string, verifier: string): Promise<Tokens> => {
      const body = new URLSearchParams({
        ...APP,
        grant_type: 'authorization_code',
        code,
        code_verifier: verifier,
      });
      return (await (await fetch(`${issuer}/token`, { method: 'POST', body })).json()) as Tokens;
    };
    const authorize = async (scope: string) => {
      const { url, verifier } = authorization(issuer, { ...APP, scope });
      const callback = await signIn(browser, url, 'carol@example.com', 'carol-password');
      stage.say(`asked for ${scope}: back at ${callback.protocol} with a code`);
      const code = callback.searchParams.get('code') ?? '';
      return { code, verifier, tokens: await redeem(code, verifier) };
    };
    const read = (token: string | undefined) => shop.call('GET', '/orders', { token: String(token) });
    const allowed = await authorize(SCOPE);
    const other = await authorize('openid profile');
    return {
      tokens: allowed.tokens,
      read: await read(allowed.tokens.access_token),
      unread: await read(other.tokens.access_token),
      again: await redeem(allowed.code, allowed.verifier),
      withoutPkce: await fetch(
        `${issuer}/auth?${new URLSearchParams({ ...APP, scope: SCOPE, response_type: 'code' })}`,
        { redirect: 'manual' },
      ),
    };
  },
  check: ({ tokens, read, unread, again, withoutPkce }) => [
    claim(
      'the app has tokens and no password',
      tokens.id_token !== undefined,
      tokens.error ?? 'ID token, access token',
    ),
    claim('it reads orders', read.status === 200, String(read.status)),
    claim(
      'without that scope it reads none',
      unread.status === 401 || unread.status === 403,
      String(unread.status),
    ),
    claim('a code works once', again.error === 'invalid_grant', String(again.error)),
    claim(
      'without PKCE there is no code',
      !(withoutPkce.headers.get('location') ?? '').includes('code='),
      `${withoutPkce.status} ${withoutPkce.headers.get('location')?.slice(0, 60)}`,
    ),
  ],
});
