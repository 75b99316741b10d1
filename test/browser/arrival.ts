import { randomUUID } from 'node:crypto';
import { eventually } from '@flotilla/kernel/testing';
import type { BrowserContextOptions } from 'playwright-core';

export interface Account {
  readonly name: string;
  readonly email: string;
  readonly password: string;
}

export function newAccount(): Account {
  const id = randomUUID().slice(0, 8);
  return { name: `Visitor ${id}`, email: `${id}@example.com`, password: `seven green bicycles ${id}` };
}

/** Only tells a hang apart. */
const PATIENCE_MS = 120_000;

type State = Exclude<BrowserContextOptions['storageState'], string | undefined>;

/**
 * What the browser of a new customer keeps after signing up, signing in and putting these products into the basket. It is done by the
 * requests that pages send, and not by pages, each of which costs a second of a processor; tests that are about those pages use them.
 */
export async function arrive(shop: string, account: Account, basket: readonly string[]): Promise<State> {
  const { ask, cookies } = createClient(shop);
  const own = { origin: shop, 'x-csrf': '1', 'content-type': 'application/json' };
  const sessions = () => [...cookies].filter(([name]) => /^__Host-[\w-]+-sid/.test(name));
  // A service that was just started may not be found yet; what is done twice here is as if once.
  const until = (what: string, done: () => Promise<boolean>) => eventually(what, done, PATIENCE_MS, 200);
  await until(`${account.email} has an account`, async () => {
    const signedUp = await ask('/users', { method: 'POST', headers: own, body: JSON.stringify(account) });
    return signedUp.status === 201 || signedUp.status === 409;
  });
  await until(`${account.email} is signed in`, async () => {
    const { text } = await ask('/bff/login?returnUrl=/robots.txt');
    const [, action] = /<form method="post" action="([^"]+\/login)"/.exec(text) ?? [];
    const { email, password } = account;
    if (action !== undefined)
      await ask(action, { method: 'POST', body: new URLSearchParams({ email, password }) });
    return sessions().length === 1;
  });
  for (const product of basket)
    await until(`${product} is in the basket`, async () => {
      const body = JSON.stringify({ quantity: 1 });
      return (await ask(`/cart/items/${product}`, { method: 'PUT', headers: own, body })).status === 200;
    });
  const { hostname, origin } = new URL(shop);
  const kept = { domain: hostname, path: '/', expires: -1, httpOnly: true, secure: true } as const;
  return {
    cookies: sessions().map(([name, value]) => ({ name, value, sameSite: 'Strict', ...kept })),
    origins: [{ origin, localStorage: [{ name: 'fl-signed-in', value: '1' }] }],
  };
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

/** Keeps cookies and follows redirects, as browsers do. */
function createClient(shop: string) {
  const cookies = new Map<string, string>();
  async function ask(path: string, init: RequestInit = {}): Promise<Answer> {
    const cookie = [...cookies].map((pair) => pair.join('=')).join('; ');
    const response = await fetch(new URL(path, shop), {
      ...init,
      redirect: 'manual',
      headers: { accept: 'text/html, application/json', ...init.headers, cookie },
    });
    for (const line of response.headers.getSetCookie()) {
      const [name = '', value = ''] = (line.split(';')[0] ?? '').split(/=(.*)/s);
      if (value === '') cookies.delete(name);
      else cookies.set(name, value);
    }
    const [{ status }, location, text] = [response, response.headers.get('location'), await response.text()];
    return location === null || status === 201 ? { status, text } : await ask(location);
  }
  return { ask, cookies };
}
