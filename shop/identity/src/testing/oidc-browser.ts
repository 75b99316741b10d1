import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';

/** Calls an issuer that is told to be somewhere else where it really is. */
export type Fetch = (url: string, init?: RequestInit) => Promise<Response>;

export function fetchAt(issuerOrigin: string, realOrigin: string): Fetch {
  return (url, init) =>
    fetch(url.startsWith(issuerOrigin) ? `${realOrigin}${url.slice(issuerOrigin.length)}` : url, {
      redirect: 'manual',
      ...init,
    });
}

interface Cookie {
  readonly value: string;
  readonly path: string;
}

/** What a browser without scripts does: keeps cookies, follows redirects of the issuer, fills in forms. */
export interface Browser {
  readonly cookies: ReadonlyMap<string, Cookie>;
  /** Goes to an address. Ends at a page, or at an address that is not the issuer's. */
  visit(url: string): Promise<Page>;
  /** Sends a form of a page, by its place among them, with these fields filled in. */
  submit(page: Page, fields: Readonly<Record<string, string>>, form?: number): Promise<Page>;
}

export interface Page {
  readonly url: string;
  readonly status: number;
  readonly text: string;
  readonly headers: Headers;
}

export function createBrowser(origin: string, send: Fetch): Browser {
  const cookies = new Map<string, Cookie>();

  function keep(response: Response): void {
    for (const line of response.headers.getSetCookie()) {
      const [pair = '', ...attributes] = line.split(/; */);
      const [name = '', value = ''] = pair.split(/=(.*)/s);
      const path = /^path=(.*)$/i.exec(attributes.find((one) => /^path=/i.test(one)) ?? '')?.[1] ?? '/';
      if (value === '' || /expires=Thu, 01 Jan 1970/i.test(line)) cookies.delete(`${name} ${path}`);
      else cookies.set(`${name} ${path}`, { value, path });
    }
  }

  function cookieHeader(url: string): string {
    const { pathname } = new URL(url);
    return [...cookies]
      .filter(([, { path }]) => pathname === path || pathname.startsWith(path.replace(/\/?$/, '/')))
      .map(([key, { value }]) => `${key.split(' ')[0]}=${value}`)
      .join('; ');
  }

  async function go(url: string, init: RequestInit = {}): Promise<Page> {
    if (!url.startsWith(`${origin}/identity/`)) return { url, status: 0, text: '', headers: new Headers() };
    const response = await send(url, {
      ...init,
      headers: {
        cookie: cookieHeader(url),
        accept: 'text/html',
        'user-agent': 'Mozilla/5.0 (X11; Linux) Firefox/140.0',
      },
    });
    keep(response);
    const location = response.headers.get('location');
    const text = await response.text();
    if (location !== null) return await go(new URL(location, url).href);
    return { url, status: response.status, text, headers: response.headers };
  }

  return {
    cookies,
    visit: (url) => go(url),
    submit: (page, fields, at = 0) => {
      const form = [...page.text.matchAll(/<form[^>]*action="([^"]*)"[^>]*>(.*?)<\/form>/gs)][at];
      assert.ok(form, `no form ${at} at ${page.url}: ${page.status} ${page.text.slice(0, 2_000)}`);
      const [, action = '', inside = ''] = form;
      const hidden = [...inside.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"/g)];
      const body = new URLSearchParams({
        ...Object.fromEntries(hidden.map(([, name = '', value = '']) => [name, value])),
        ...fields,
      });
      return go(new URL(action.replaceAll('&amp;', '&'), page.url).href, { method: 'POST', body });
    },
  };
}

export interface Authorization {
  readonly url: string;
  readonly verifier: string;
}

/** As when somebody clicks twice: the answer to the first form that is sent gets lost. */
export function losingFirstAnswer(send: Fetch): Fetch {
  let isLost = false;
  return async (url, init) => {
    const answer = await send(url, init);
    if (init?.method !== 'POST' || isLost) return answer;
    isLost = true;
    throw new Error('nobody waits for this answer');
  };
}

/** A request for authorization with PKCE. */
export function authorization(issuer: string, parameters: Readonly<Record<string, string>>): Authorization {
  const verifier = randomBytes(32).toString('base64url');
  const challenge = createHash('sha256').update(verifier).digest('base64url');
  const query = new URLSearchParams({
    response_type: 'code',
    code_challenge: challenge,
    code_challenge_method: 'S256',
    state: 'some-state',
    ...parameters,
  });
  return { url: `${issuer}/auth?${query}`, verifier };
}

/** Signs in and agrees, where asked to; gives the address of the client with the response. */
export async function signIn(browser: Browser, url: string, email: string, password: string): Promise<URL> {
  let page = await browser.visit(url);
  if (page.text.includes('name="password"')) page = await browser.submit(page, { email, password });
  if (page.text.includes('Allow access?')) page = await browser.submit(page, {});
  assert.equal(page.status, 0, `${page.status} ${/<h1>.*<\/main>/s.exec(page.text)?.[0]}`);
  return new URL(page.url);
}
