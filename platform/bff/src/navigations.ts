import { problem, type RawTools, refusal } from '@flotilla/http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { LogIn, Navigation } from './log-in.ts';
import type { ReadLogoutToken } from './logout-token.ts';
import type { Sessions } from './sessions.ts';

export interface NavigationDeps {
  readonly logIn: LogIn;
  readonly readLogoutToken: ReadLogoutToken;
  readonly sessions: Pick<Sessions, 'endOf'>;
}

const MAX_FORM_BYTES = 16 * 1024;
/** A page of ours that holds nothing but text and links. */
const PAGE_POLICY = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/** What browsers are sent to, and the one request that the issuer sends by itself. */
export function addNavigations(app: FastifyInstance, tools: RawTools, deps: NavigationDeps): void {
  const { logIn } = deps;
  const navigate = (url: string, go: (request: FastifyRequest) => Promise<Navigation>) =>
    app.get(url, async (request, reply) => {
      send(reply, await tools.inRequest(request, () => go(request)));
      return reply;
    });
  navigate('/bff/login', ({ query, raw }) => {
    const asked = {
      returnUrl: textOf(query, 'returnUrl'),
      loginHint: textOf(query, 'loginHint')?.slice(0, 254),
    };
    return logIn.begin(asked, raw.headers.cookie);
  });
  navigate('/bff/callback', ({ raw }) =>
    logIn.finish((raw.url ?? '').split('?')[1] ?? '', raw.headers.cookie),
  );

  app.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string', bodyLimit: MAX_FORM_BYTES },
    (_request, body, done) => done(null, new URLSearchParams(String(body))),
  );
  app.post('/bff/backchannel-logout', async (request, reply) => {
    const { body } = request;
    const token = body instanceof URLSearchParams ? body.getAll('logout_token') : [];
    await tools.inRequest(request, async () => {
      const notice = token.length === 1 ? await deps.readLogoutToken(token[0] ?? '') : undefined;
      if (notice === undefined)
        throw refusal(problem(400, 'invalid-logout-token', 'It is no logout token for this client.'));
      // A session that is not there any more is one that has ended: said twice, or after a logout here, it is as true.
      await deps.sessions.endOf(notice);
    });
    return reply.code(200).header('cache-control', 'no-store').send();
  });
}

function send(reply: FastifyReply, navigation: Navigation): void {
  reply.headers({ 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' });
  if (navigation.cookies.length > 0) reply.header('set-cookie', [...navigation.cookies]);
  if ('to' in navigation) reply.code(303).header('location', navigation.to).send();
  else
    reply
      .code(navigation.page.status)
      .header('content-security-policy', PAGE_POLICY)
      .type('text/html; charset=utf-8')
      .send(navigation.page.html);
}

function textOf(query: unknown, name: string): string | undefined {
  const value: unknown = typeof query === 'object' && query !== null ? Reflect.get(query, name) : undefined;
  return typeof value === 'string' ? value : undefined;
}
