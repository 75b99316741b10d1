import { PassThrough, type Readable } from 'node:stream';
import {
  type ForwardedRequest,
  type ForwardedResponse,
  type Forwarder,
  problem,
  type RawTools,
  refusal,
} from '@flotilla/http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type Guard, type SessionHeaders, UNAUTHORIZED } from './guard.ts';
import type { Session } from './session.ts';
import type { Sessions } from './sessions.ts';

/** Where requests below a path go on to with the token of the session. There is no other place that they can go to. */
export interface Upstream {
  /** `/orders`: itself and everything below it. The longest that fits counts. */
  readonly prefix: string;
  readonly forwarder: Forwarder;
}

export interface ProxyDeps {
  readonly guard: Guard;
  readonly sessions: Pick<Sessions, 'withToken'>;
  readonly upstreams: readonly Upstream[];
}

/** What a service is told of the browser's request; everything else is left out, cookies and credentials first. */
const PASSED_ON = [
  ...[
    'accept',
    'accept-language',
    'content-type',
    'idempotency-key',
    'if-match',
    'if-none-match',
    'last-event-id',
  ],
  ...['prefer', 'user-agent', 'x-real-ip'],
] as const;

/** What a browser is told of the service's response. */
const PASSED_BACK = [
  ...[
    'content-type',
    'content-length',
    'content-language',
    'etag',
    'last-modified',
    'link',
    'preference-applied',
  ],
  ...[
    'retry-after',
    'ratelimit-limit',
    'ratelimit-remaining',
    'ratelimit-reset',
    'ratelimit',
    'ratelimit-policy',
  ],
] as const;

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;
const MAX_BODY_BYTES = 256 * 1024;
const EVENT_STREAM = 'text/event-stream';
/** Segments that another reader of the address might resolve to somewhere else. */
const DOT_SEGMENT = /(^|\/)(\.|%2e){1,2}(\/|$)|\\|%5c|%2f|%00/i;

/** Serves each upstream below its prefix, in the name of whoever is signed in. */
export function addProxy(app: FastifyInstance, tools: RawTools, deps: ProxyDeps): void {
  const streams = new Set<() => void>();
  tools.onDraining(() => {
    for (const end of streams) end();
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: MAX_BODY_BYTES }, (_request, body, done) =>
    done(null, body),
  );
  for (const { prefix, forwarder } of deps.upstreams)
    for (const url of [prefix, `${prefix}/*`])
      app.route({
        method: [...METHODS],
        url,
        handler: async (request, reply) => {
          const response = await tools.inRequest(request, (signal) =>
            relay(deps, forwarder, request, url, signal),
          );
          answer(reply, response, streams);
          return reply;
        },
      });
}

async function relay(
  { guard, sessions }: ProxyDeps,
  forwarder: Forwarder,
  { raw, body }: FastifyRequest,
  route: string,
  signal: AbortSignal,
): Promise<ForwardedResponse> {
  const headers = headersOf(raw.headers);
  const { method = 'GET', url: path = '/' } = raw;
  if (DOT_SEGMENT.test(path.split('?')[0] ?? '')) throw refusal(problem(404, 'not-found'));
  // Without a session nothing acts in anybody's name: there is nothing to protect.
  if (guard.sessionIdOf(headers) === undefined) throw refusal(UNAUTHORIZED);
  guard.checkOrigin(headers, method);
  const found = await guard.sessionOf(headers);
  const session = found && (await sessions.withToken(found));
  if (session === undefined) throw refusal(UNAUTHORIZED);
  const ask = (by: Session) => {
    const request: ForwardedRequest = {
      // Fastify lets no other method get here.
      ...{ method: method as ForwardedRequest['method'], path, route },
      headers: { ...passedOn(raw.headers), authorization: `Bearer ${by.accessToken}` },
      ...(body instanceof Buffer && body.length > 0 && { body }),
    };
    return forwarder.forward(request, signal);
  };
  const response = await ask(session);
  if (response.status !== 401) return response;
  // The token is not taken any more although its time is not over: the session has ended, or what it says of the user is out of date.
  response.body.destroy();
  const renewed = await sessions.withToken(session, session.accessToken);
  if (renewed === undefined) throw refusal(UNAUTHORIZED);
  const second = await ask(renewed);
  if (second.status !== 401) return second;
  second.body.destroy();
  throw refusal(UNAUTHORIZED);
}

function answer(
  reply: FastifyReply,
  { status, headers, body }: ForwardedResponse,
  streams: Set<() => void>,
): void {
  // One user's data: nobody between here and the browser may keep it.
  reply.code(status).headers({ 'cache-control': 'no-store', vary: 'Cookie' });
  for (const name of PASSED_BACK) if (headers[name] !== undefined) reply.header(name, headers[name]);
  const { location } = headers;
  if (location !== undefined && /^\/(?![/\\])/.test(location)) reply.header('location', location);
  const isEvents = headers['content-type']?.startsWith(EVENT_STREAM) === true;
  reply.send(isEvents ? endsWithProcess(body, streams) : body);
}

/** A stream without an end of its own must not hold up the end of the process: its reader comes back to another one. */
function endsWithProcess(body: Readable, streams: Set<() => void>): Readable {
  const through = new PassThrough();
  const end = () => {
    body.unpipe(through);
    through.end();
    body.destroy();
  };
  streams.add(end);
  body.pipe(through);
  body.once('error', () => through.destroy());
  through.once('close', () => {
    streams.delete(end);
    body.destroy();
  });
  return through;
}

type RawHeaders = FastifyRequest['raw']['headers'];

/** What decides whose request it is. Node joins what came twice; a joined value equals nothing that is accepted. */
export function headersOf(raw: RawHeaders): SessionHeaders {
  return {
    cookie: raw.cookie,
    origin: single(raw.origin),
    'sec-fetch-site': single(raw['sec-fetch-site']),
    'x-csrf': single(raw['x-csrf']),
  };
}

function passedOn(raw: RawHeaders): Record<string, string> {
  const out: Record<string, string> = {};
  for (const name of PASSED_ON) {
    const value = single(raw[name]);
    if (value !== undefined) out[name] = value;
  }
  return out;
}

function single(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join(', ') : value;
}
