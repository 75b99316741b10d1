import assert from 'node:assert/strict';
import * as openid from 'openid-client';
import type { IdentityDeps } from '../app.ts';
import { startIdentity } from '../testing.ts';
import { authorization, type Browser, createBrowser, type Fetch, fetchAt, signIn } from './oidc-browser.ts';

export const ORIGIN = 'http://127.0.0.1:8080';
export const ISSUER = `${ORIGIN}/identity`;
export const CALLBACK = 'http://127.0.0.1:4711/callback';
export const ALL_SCOPES = 'openid profile email offline_access orders.read orders.write inventory.read';

export interface LogIn {
  readonly clientId?: string;
  readonly email?: string;
  readonly browser?: Browser;
  readonly parameters?: Readonly<Record<string, string>>;
}

/** The identity service on a socket, and clients of it. */
export async function startOidc(options: Partial<IdentityDeps> = {}) {
  const identity = await startIdentity({ demo: true, ...options });
  const { url } = await identity.host.listen();
  const send = fetchAt(ORIGIN, url);
  const discovered = new Map<string, Promise<openid.Configuration>>();

  function client(id: string): Promise<openid.Configuration> {
    const known = discovered.get(id) ?? discover(send, id);
    discovered.set(id, known);
    return known;
  }

  /** As far as the client's address with a code. */
  async function authorize({ clientId = 'web-app', email = 'alice@example.com', ...rest }: LogIn = {}) {
    const browser = rest.browser ?? createBrowser(ORIGIN, send);
    const asked = authorization(ISSUER, {
      client_id: clientId,
      redirect_uri: clientId === 'mobile-app' ? 'myapp://callback' : CALLBACK,
      scope: 'openid profile email',
      ...rest.parameters,
    });
    const callback = await signIn(browser, asked.url, email, `${email.split('@')[0]}-password`);
    return { browser, callback, verifier: asked.verifier };
  }

  async function logIn(asked: LogIn = {}) {
    const { browser, callback, verifier } = await authorize(asked);
    assert.equal(callback.searchParams.get('error'), null, callback.href);
    const config = await client(asked.clientId ?? 'web-app');
    const checks = { pkceCodeVerifier: verifier, expectedState: 'some-state' };
    const tokens = await openid.authorizationCodeGrant(config, callback, checks);
    return { browser, callback, verifier, config, tokens };
  }

  return {
    identity,
    url,
    send,
    client,
    authorize,
    logIn,
    /** A login that may be refreshed. */
    logInForLong: async (asked: LogIn = {}) => {
      const parameters = { scope: ALL_SCOPES, prompt: 'consent', ...asked.parameters };
      const result = await logIn({ ...asked, parameters });
      assert.ok(result.tokens.refresh_token);
      return { ...result, refreshToken: result.tokens.refresh_token };
    },
    /** A form to an endpoint, as a client without a library sends it. */
    post: async (
      path: string,
      fields: Readonly<Record<string, string>>,
      headers: Readonly<Record<string, string>> = {},
    ) => {
      const response = await send(`${ISSUER}${path}`, {
        method: 'POST',
        body: new URLSearchParams(fields),
        headers,
      });
      const text = await response.text();
      const isJson = response.headers.get('content-type')?.includes('json') === true;
      const body: Record<string, unknown> = isJson ? JSON.parse(text) : {};
      return { status: response.status, headers: response.headers, body, text };
    },
    close: () => identity.close(),
  };
}

export type Oidc = Awaited<ReturnType<typeof startOidc>>;

export function basic(id: string, secret: string): { authorization: string } {
  return { authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}` };
}

async function discover(send: Fetch, id: string): Promise<openid.Configuration> {
  const customFetch: openid.CustomFetch = (url, { method, headers, body = null }) =>
    send(url, { method, headers, body: body as string | URLSearchParams | null });
  const authentication = id === 'mobile-app' ? openid.None() : openid.ClientSecretBasic(`${id}-secret`);
  const config = await openid.discovery(new URL(ISSUER), id, undefined, authentication, {
    execute: [openid.allowInsecureRequests],
    [openid.customFetch]: customFetch,
  });
  config[openid.customFetch] = customFetch;
  return config;
}
