import type { IncomingMessage, ServerResponse } from 'node:http';
import { collect } from '@flotilla/kernel';

const FORM = /^application\/x-www-form-urlencoded(?:;|$)/i;
const MAX_FORM_BYTES = 56 * 1024;
/** Gateways refuse request lines from 8 KiB on. */
const MAX_TARGET_BYTES = 6 * 1024;

/** What standards let a client send by POST, although the session's cookie only comes along with a navigation by GET. */
const ALSO_BY_POST = new Set(['/auth', '/session/end']);

export interface IssuerAddress {
  readonly host: string;
  /** `http` or `https`. */
  readonly protocol: string;
  /** Without a slash at its end. */
  readonly path: string;
}

export function addressOf(issuer: string): IssuerAddress {
  const { host, protocol, pathname } = new URL(issuer);
  return { host, protocol: protocol.slice(0, -1), path: pathname.replace(/\/$/, '') };
}

/**
 * The provider sees a request as if the issuer's own address had been called: what a proxy or a client says of host and
 * scheme never ends up in metadata, redirects or `iss`.
 */
export function addressedToIssuer(req: IncomingMessage, issuer: IssuerAddress): void {
  const { headers } = req;
  headers.host = issuer.host;
  headers['x-forwarded-proto'] = issuer.protocol;
  delete headers['x-forwarded-host'];
  delete headers['forwarded'];
  const { url = '/' } = req;
  const inserted = '/.well-known/oauth-authorization-server';
  const local =
    url.split('?')[0] === `${inserted}${issuer.path}` ? inserted : url.slice(issuer.path.length) || '/';
  Object.assign(req, { url: local, baseUrl: issuer.path });
}

/**
 * A form that is posted to the authorization or logout endpoint is answered with the same address and the fields as its query:
 * a cookie with SameSite=Lax comes along then. Returns whether it has answered.
 */
export async function answeredByRedirect(
  req: IncomingMessage,
  res: ServerResponse,
  issuer: IssuerAddress,
): Promise<boolean> {
  const [path = ''] = (req.url ?? '').split('?');
  if (req.method !== 'POST' || !ALSO_BY_POST.has(path)) return false;
  const form = await readForm(req);
  if (form === undefined) {
    res.writeHead(400, { 'content-type': 'application/json', 'cache-control': 'no-store' });
    res.end(JSON.stringify({ error: 'invalid_request', error_description: 'a form of 56 KiB at most' }));
    return true;
  }
  const location = `${issuer.path}${path}?${shortened(form)}`;
  res.writeHead(303, { location, 'cache-control': 'no-store', 'content-length': '0' }).end();
  return true;
}

/** A large ID token does not fit into an address; who it was issued to says enough to ask the user. */
function shortened(form: URLSearchParams): URLSearchParams {
  const hint = form.get('id_token_hint');
  if (hint === null || form.toString().length < MAX_TARGET_BYTES) return form;
  const short = new URLSearchParams(form);
  short.delete('id_token_hint');
  const audience = audienceOf(hint);
  if (audience !== undefined && !short.has('client_id')) short.set('client_id', audience);
  return short;
}

function audienceOf(token: string): string | undefined {
  try {
    const claims: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
    const audience =
      typeof claims === 'object' && claims !== null && 'aud' in claims ? claims.aud : undefined;
    return typeof audience === 'string' ? audience : undefined;
  } catch {
    return undefined; // no token of ours
  }
}

const EMPTY_SECRET = /^Basic ([A-Za-z0-9+/]+={0,2})$/i;

/**
 * Some public clients authenticate with their id and an empty secret (oidc-agent, the first try of x/oauth2). They have no
 * secret: it is taken as `client_id` alone.
 */
export async function acceptEmptySecret(req: IncomingMessage): Promise<void> {
  if (req.method !== 'POST') return;
  const [, encoded] = EMPTY_SECRET.exec(req.headers.authorization ?? '') ?? [];
  const pair = encoded === undefined ? '' : Buffer.from(encoded, 'base64').toString();
  if (!pair.endsWith(':') || pair.indexOf(':') !== pair.length - 1) return;
  const form = await readForm(req);
  if (form === undefined) return;
  delete req.headers.authorization;
  if (!form.has('client_id')) form.set('client_id', decodeURIComponent(pair.slice(0, -1)));
  const body: Record<string, string | string[]> = {};
  for (const name of new Set(form.keys())) {
    const values = form.getAll(name);
    body[name] = values.length === 1 ? (values[0] ?? '') : values;
  }
  Object.assign(req, { body });
}

/** The fields of a posted form; `undefined` for another type, or too much of it. */
export async function readForm(req: IncomingMessage): Promise<URLSearchParams | undefined> {
  if (!FORM.test(req.headers['content-type'] ?? '')) return undefined;
  const body = await collect(req, MAX_FORM_BYTES);
  return body && new URLSearchParams(body.toString());
}
