import type { IncomingMessage, ServerResponse } from 'node:http';
import { acceptEmptySecret, addressedToIssuer, addressOf, answeredByRedirect } from '@flotilla/auth/provider';
import type { HttpHostOptions } from '@flotilla/http';
import type { ServeAccountPage } from './account-pages.ts';
import type { ServeInteraction } from './interactions.ts';

type RawRoutes = NonNullable<HttpHostOptions['rawRoutes']>;

export interface ProviderRoutes {
  readonly issuer: string;
  readonly callback: (req: IncomingMessage, res: ServerResponse) => Promise<void>;
  readonly serveInteraction: ServeInteraction;
  readonly serveAccountPage: ServeAccountPage;
}

/** Everything below the issuer, and its metadata where RFC 8414 puts them. Bodies are read by the provider itself. */
export function providerRoutes({
  issuer,
  callback,
  serveInteraction,
  serveAccountPage,
}: ProviderRoutes): RawRoutes {
  const address = addressOf(issuer);

  async function serve(req: IncomingMessage, res: ServerResponse): Promise<void> {
    addressedToIssuer(req, address);
    if (req.url?.startsWith('/interaction/')) return await serveInteraction(req, res, goneSignal(res));
    if (await serveAccountPage(req, res, goneSignal(res))) return;
    if (await answeredByRedirect(req, res, address)) return;
    await acceptEmptySecret(req);
    await callback(req, res);
  }

  return (app) => {
    app.removeAllContentTypeParsers();
    app.addContentTypeParser('*', (_request, _payload, done) => done(null, undefined));
    for (const url of [`${address.path}/*`, `/.well-known/oauth-authorization-server${address.path}`])
      app.route({
        method: ['GET', 'POST', 'OPTIONS'],
        url,
        handler: async (request, reply) => {
          reply.hijack();
          for (const [name, value] of Object.entries(reply.getHeaders()))
            if (value !== undefined) reply.raw.setHeader(name, value);
          await serve(request.raw, reply.raw);
        },
      });
  };
}

/** Aborted when nobody waits for the response any more. */
function goneSignal(res: ServerResponse): AbortSignal {
  const gone = new AbortController();
  res.once('close', () => {
    if (!res.writableFinished) gone.abort(new Error('the client disconnected'));
  });
  return gone.signal;
}
