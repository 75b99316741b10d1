import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Auth, type AuthConfig, customFetch, skipCSRFCheck } from '@auth/core';
import { createBrowser, signIn } from '../testing/oidc-browser.ts';
import { ISSUER, type Oidc, ORIGIN, startOidc } from '../testing/oidc-rig.ts';

const APP = 'http://127.0.0.1:4712';

/** Auth.js as it comes: it reads the ID token alone and knows nothing of this issuer. */
describe('@auth/core', () => {
  let oidc: Oidc;
  let config: AuthConfig;
  before(async () => {
    oidc = await startOidc({
      clients: [
        {
          ...{ id: 'auth-js', name: 'An application with Auth.js', kind: 'web' },
          scopes: ['openid', 'profile', 'email'],
          redirectUris: [`${APP}/auth/callback/flotilla`],
        },
      ],
    });
    config = {
      secret: 'x'.repeat(32),
      trustHost: true,
      basePath: '/auth',
      skipCSRFCheck,
      logger: { error: () => undefined },
      providers: [
        {
          ...{ id: 'flotilla', name: 'Flotilla', type: 'oidc', issuer: ISSUER },
          ...{ clientId: 'auth-js', clientSecret: 'auth-js-secret' },
          [customFetch]: (input: string | URL | Request, init?: RequestInit) =>
            oidc.send(input instanceof Request ? input.url : String(input), init),
        },
      ],
    };
  });
  after(() => oidc.close());

  /** The application's own cookies. */
  function createApp() {
    const jar = new Map<string, string>();
    return async (path: string, init: RequestInit = {}) => {
      const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
      const response = await Auth(new Request(`${APP}${path}`, { ...init, headers: { cookie } }), config);
      for (const line of response.headers.getSetCookie()) {
        const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
        jar.set(name, value);
      }
      return response;
    };
  }

  it('signs a user in, with name and e-mail address, without an option', async () => {
    const ask = createApp();
    const started = await ask('/auth/signin/flotilla', { method: 'POST', body: new URLSearchParams() });
    const address = started.headers.get('location') ?? '';
    assert.ok(address.startsWith(`${ISSUER}/auth?`), address);
    const callback = await signIn(
      createBrowser(ORIGIN, oidc.send),
      address,
      'carol@example.com',
      'carol-password',
    );
    const returned = await ask(`${callback.pathname}${callback.search}`);
    assert.equal(returned.headers.get('location'), APP);
    const session = (await (await ask('/auth/session')).json()) as { readonly user?: object };
    assert.deepEqual(session.user, { name: 'Carol Clark', email: 'carol@example.com' });
  });

  it('hears that the user cancelled', async () => {
    const ask = createApp();
    const started = await ask('/auth/signin/flotilla', { method: 'POST', body: new URLSearchParams() });
    const browser = createBrowser(ORIGIN, oidc.send);
    const page = await browser.visit(started.headers.get('location') ?? '');
    const callback = new URL((await browser.submit(page, {}, 1)).url);
    assert.equal(callback.searchParams.get('error'), 'access_denied');
    const returned = await ask(`${callback.pathname}${callback.search}`);
    assert.match(returned.headers.get('location') ?? '', /error=OAuthCallbackError/);
  });
});
