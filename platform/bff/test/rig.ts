import { createForwarder, createHttpHost, type Forwarder, type HttpHost } from '@flotilla/http';
import { systemClock } from '@flotilla/kernel';
import { createTestDatabase } from '@flotilla/postgres/testing';
import { createMetrics, silentLogger } from '@flotilla/telemetry';
import { parseCookies } from '../src/cookies.ts';
import { type BffOptions, createBff } from '../src/create-bff.ts';
import { bffMigrations } from '../src/migrations.ts';
import { CLIENT, createTestProvider, ISSUER } from './issuer.ts';

export const ORIGIN = 'https://shop.test';
/** What a page of this origin sends with each request. */
export const OWN = { origin: ORIGIN, 'x-csrf': '1' } as const;

export interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** What the service behind answers, by the path without its query. */
type Answer = (
  seen: Seen,
) =>
  | { readonly status: number; readonly headers?: Record<string, string | string[]>; readonly body?: string }
  | Promise<never>;

/** Replicas of a front end over one database, between a provider in memory and a service that says what it was asked. */
export async function startRig({
  replicas = 1,
  ...options
}: { readonly replicas?: number } & Partial<BffOptions> = {}) {
  const database = await createTestDatabase([bffMigrations]);
  const provider = createTestProvider();
  const seen: Seen[] = [];
  const answers = new Map<string, Answer>();
  const quiet = () => ({ logger: silentLogger, metrics: createMetrics() });
  const service = createHttpHost({
    ...{ ...quiet(), service: 'order', handlers: [], readiness: {} },
    rawRoutes: (app) => {
      app.removeAllContentTypeParsers();
      app.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => done(null, body));
      app.all('/*', async ({ raw, body }, reply) => {
        const one: Seen = {
          method: raw.method ?? '',
          url: raw.url ?? '',
          headers: raw.headers,
          body: String(body ?? ''),
        };
        seen.push(one);
        const {
          status,
          headers = {},
          body: text,
        } = (await answers.get(one.url.split('?')[0] ?? '')?.(one)) ?? { status: 200 };
        return reply
          .code(status)
          .headers({ 'content-type': 'application/json', ...headers })
          .send(text ?? '{}');
      });
    },
  });
  const { port } = await service.listen();
  const clock = { ...systemClock, offsetMs: 0, now: () => new Date(Date.now() + clock.offsetMs) };
  const hosts: HttpHost[] = [];
  const forwarders: Forwarder[] = [];
  const bffs = Array.from({ length: replicas }, () => {
    const metrics = createMetrics();
    const forwarder = createForwarder({
      ...{ service: 'order', logger: silentLogger, metrics },
      pick: async (service) => ({ id: 'order-1', service, host: '127.0.0.1', port }),
    });
    forwarders.push(forwarder);
    const bff = createBff({
      ...{
        db: database.db,
        refreshDb: database.db,
        clock,
        logger: silentLogger,
        metrics,
        product: 'fl',
        origin: ORIGIN,
      },
      issuer: {
        url: ISSUER,
        clientId: CLIENT.id,
        clientSecret: CLIENT.secret,
        scope: 'openid email',
        fetch: provider.fetch as never,
      },
      keys: provider.keys,
      encryptionKey: Buffer.alloc(32, 7),
      upstreams: [{ prefix: '/orders', forwarder }],
      ...options,
    });
    const host = createHttpHost({
      ...quiet(),
      service: 'web-bff',
      handlers: bff.handlers,
      rawRoutes: bff.rawRoutes,
      readiness: {},
    });
    hosts.push(host);
    return { bff, host };
  });

  /** A browser: cookies, those of another tab of it, and where it was sent. */
  function openBrowser(jar = new Map<string, string>()) {
    const setCookies: string[] = [];
    async function go(
      url: string,
      {
        method = 'GET',
        headers = {},
        body,
        at = 0,
      }: { method?: string; headers?: Record<string, string>; body?: string; at?: number } = {},
    ) {
      const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
      const response = await hosts[at]?.inject({
        ...{ method: method as 'GET', url },
        headers: { ...(cookie !== '' && { cookie }), ...headers },
        ...(body !== undefined && { payload: body }),
      });
      if (response === undefined) throw new TypeError(`no replica ${at}`);
      for (const text of [response.headers['set-cookie'] ?? []].flat()) {
        setCookies.push(text);
        const [[name = '', value = ''] = []] = [...parseCookies(text.split(';')[0])];
        if (/Max-Age=0/.test(text) || value === '') jar.delete(text.slice(0, text.indexOf('=')));
        else jar.set(name, value);
      }
      return response;
    }
    return {
      jar,
      setCookies,
      go,
      code: async (url: string, asked: Parameters<typeof go>[1] = {}) => {
        const response = await go(url, { ...asked, headers: { ...OWN, ...asked.headers } });
        const body: { readonly code?: string } = response.body.startsWith('{')
          ? JSON.parse(response.body)
          : {};
        return `${response.statusCode}${body.code === undefined ? '' : ` ${body.code}`}`;
      },
      /** All the way; the address that the login ended at. */
      logIn: async (returnUrl = '/', claims: Readonly<Record<string, unknown>> = {}) => {
        const begun = await go(`/bff/login?returnUrl=${encodeURIComponent(returnUrl)}`);
        const answer = provider.answerTo(String(begun.headers.location), claims);
        return (await go(`/bff/callback?${answer}`)).headers.location;
      },
    };
  }

  return {
    db: database.db,
    provider,
    bffs,
    clock,
    seen,
    answers,
    hosts,
    openBrowser,
    sessions: async () =>
      Number((await database.db.query<{ n: string }>('SELECT count(*) AS n FROM bff_session'))[0]?.n),
    /** The access token is used up, in the row and in what replicas remember of it. */
    expire: async () => {
      await database.db.query("UPDATE bff_session SET access_expires_at = now() - interval '1 second'");
      clock.offsetMs += 1_100;
    },
    close: async () => {
      for (const host of hosts) await host.close();
      for (const forwarder of forwarders) await forwarder.close();
      await service.close();
      await database.close();
    },
  };
}
