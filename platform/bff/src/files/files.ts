import { join } from 'node:path';
import { problem, type RawRoutes, type RawTools, refusal } from '@flotilla/http';
import { BoundedMap, type Clock } from '@flotilla/kernel';
import { statIfPresent } from '@flotilla/kernel/files';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { isText, mediaTypeOf } from './media-types.ts';
import { negotiate } from './negotiate.ts';
import { type HeldFile, readHeldFile } from './read-file.ts';

export interface FilesOptions {
  /**
   * What a build left, its documents put in place after what they name. It may appear later, and be replaced at any time. `undefined`: pages
   * say that there are none.
   */
  readonly directory: string | undefined;
  /** Paths that are pages of the application, as the router writes them: `/p/:id`. Each is answered with the document. */
  readonly pages: readonly string[];
  /** The path of the page for addresses that there are not: the document, with 404. A gateway sends browsers there. */
  readonly missing?: string;
  /** The document of all pages. Default `index.html`. */
  readonly document?: string;
  /** Folders of files that have a hash of their content in their name: they never change. Default `/assets/`. */
  readonly immutable?: readonly string[];
  /** More files and folders that are served as they are, and asked for again each time: `/robots.txt`, `/images/`. */
  readonly files?: readonly string[];
  /** Beyond what is always there: where pages may connect to, get pictures from, … Names as in a policy. */
  readonly contentPolicy?: Readonly<Record<string, string>>;
  /** `scheme://host[:port]`: with https browsers are told to stay with it. */
  readonly origin: string;
  readonly clock: Pick<Clock, 'now'>;
}

/** Files are looked at again after this. */
const LOOK_AGAIN_MS = 1_000;
const MAX_HELD = 500;
const YEAR_SECONDS = 31_536_000;

interface Known {
  readonly file: HeldFile | undefined;
  readonly seenAtMs: number;
}

/** Serves a built front end, out of memory. Nothing outside of the listed folders and files is ever read. */
export function createFiles(options: FilesOptions): RawRoutes {
  const { directory, clock, document = 'index.html', immutable = ['/assets/'], files = [] } = options;
  const known = new BoundedMap<string, Known>(MAX_HELD);
  const policy = contentPolicy(options.contentPolicy ?? {}, options.origin);

  async function find(path: string, mediaType: string, never: boolean): Promise<HeldFile | undefined> {
    if (directory === undefined) return undefined;
    const held = known.get(path);
    const nowMs = clock.now().getTime();
    if (held?.file !== undefined && (never || nowMs - held.seenAtMs < LOOK_AGAIN_MS)) return held.file;
    const full = join(directory, path);
    const isSame = held?.file !== undefined && (await statIfPresent(full))?.mtimeMs === held.file.mtimeMs;
    const file = isSame ? held?.file : await readHeldFile(full, isText(mediaType));
    known.set(path, { file, seenAtMs: nowMs });
    return file;
  }

  async function serve(
    path: string,
    request: FastifyRequest,
    reply: FastifyReply,
    caching: string,
    never = false,
  ): Promise<void> {
    const mediaType = mediaTypeOf(path);
    const file = mediaType === undefined ? undefined : await find(path, mediaType, never);
    if (mediaType === undefined || file === undefined) throw refusal(problem(404, 'not-found'));
    const encoding = negotiate(request.headers['accept-encoding'], file.bytes);
    const bytes = file.bytes[encoding] ?? file.bytes.identity;
    const etag = encoding === 'identity' ? file.etag : `${file.etag.slice(0, -1)}-${encoding}"`;
    reply.headers({
      etag,
      'cache-control': caching,
      vary: 'Accept-Encoding',
      ...securityHeaders(options.origin),
    });
    if (mediaType.startsWith('text/html')) reply.headers(policy);
    if (reply.statusCode === 200 && matches(request.headers['if-none-match'], file.etag)) {
      reply.code(304).send();
      return;
    }
    if (encoding !== 'identity') reply.header('content-encoding', encoding);
    reply.type(mediaType).header('content-length', bytes.length);
    reply.send(request.method === 'HEAD' ? undefined : bytes);
  }

  return (app, tools: RawTools) => {
    const add = (url: string, answer: (request: FastifyRequest, reply: FastifyReply) => Promise<void>) =>
      app.route({
        method: ['GET', 'HEAD'],
        url,
        exposeHeadRoute: false,
        handler: async (request, reply) => {
          await tools.inRequest(request, () => answer(request, reply));
          return reply;
        },
      });
    const addPage = (page: string, status: number) =>
      add(page, async (request, reply) => {
        // Anybody's: who is signed in is asked by the page itself, so that a link from elsewhere and a reload show the same.
        if ((await find(document, 'text/html; charset=utf-8', false)) === undefined) return notBuilt(reply);
        reply.code(status);
        await serve(document, request, reply, status === 200 ? 'no-cache' : 'no-store');
      });
    for (const page of options.pages) addPage(page, 200);
    if (options.missing !== undefined) addPage(options.missing, 404);
    for (const folder of immutable)
      add(`${folder}*`, (request, reply) =>
        serve(below(folder, request), request, reply, `public, max-age=${YEAR_SECONDS}, immutable`, true),
      );
    for (const path of files)
      if (path.endsWith('/'))
        add(`${path}*`, (request, reply) =>
          serve(below(path, request), request, reply, 'public, max-age=3600'),
        );
      else add(path, (request, reply) => serve(path, request, reply, 'no-cache'));
  };
}

/** Names of files as builds give them: no way out of the folder, nothing hidden. */
const SAFE_NAME = /^(?:[\w@-][\w.@-]*\/)*[\w@-][\w.@-]*$/;

function below(folder: string, request: FastifyRequest): string {
  const { params } = request;
  const rest: unknown = typeof params === 'object' && params !== null ? Reflect.get(params, '*') : undefined;
  if (typeof rest !== 'string' || !SAFE_NAME.test(rest)) throw refusal(problem(404, 'not-found'));
  return folder + rest;
}

/** Weak comparison, over the encodings of one file: they have the same content. */
function matches(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  if (header.trim() === '*') return true;
  const bare = etag.slice(1, -1);
  return header.split(',').some((one) => {
    const value = one.trim().replace(/^W\//, '').slice(1, -1);
    return value === bare || value === `${bare}-br` || value === `${bare}-gzip`;
  });
}

function securityHeaders(origin: string): Readonly<Record<string, string>> {
  return {
    'x-content-type-options': 'nosniff',
    'cross-origin-resource-policy': 'same-origin',
    ...(origin.startsWith('https:') && {
      'strict-transport-security': `max-age=${YEAR_SECONDS}; includeSubDomains`,
    }),
  };
}

const POLICY: Readonly<Record<string, string>> = {
  'default-src': "'none'",
  'script-src': "'self'",
  'style-src': "'self'",
  'img-src': "'self' data:",
  'font-src': "'self'",
  'connect-src': "'self'",
  'manifest-src': "'self'",
  'base-uri': "'none'",
  'form-action': "'self'",
  'frame-ancestors': "'none'",
  'object-src': "'none'",
};

/** No script but files of this origin: what somebody manages to put into a page does not run. */
function contentPolicy(
  more: Readonly<Record<string, string>>,
  origin: string,
): Readonly<Record<string, string>> {
  const directives = Object.entries({ ...POLICY, ...more }).map(([name, value]) => `${name} ${value}`);
  if (origin.startsWith('https:')) directives.push('upgrade-insecure-requests');
  return {
    'content-security-policy': directives.join('; '),
    'referrer-policy': 'strict-origin-when-cross-origin',
    'cross-origin-opener-policy': 'same-origin',
    'permissions-policy': 'camera=(), geolocation=(), microphone=(), payment=(), usb=()',
    'x-frame-options': 'DENY',
  };
}

const NOT_BUILT = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Not built yet</title></head>
<body><main><h1>The pages are not built yet</h1><p>They are built when the system starts, or by <code>npm run build</code>. The API works without them. Load this page again in a moment.</p></main></body></html>
`;

function notBuilt(reply: FastifyReply): void {
  reply
    .code(503)
    .headers({
      'cache-control': 'no-store',
      'retry-after': '5',
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
    })
    .type('text/html; charset=utf-8')
    .send(NOT_BUILT);
}
