import { accept, type Result, reject } from '@flotilla/kernel';
import { badTarget, type Refusal } from '../refusal.ts';

/** The one reading of a request target: every decision and the forwarded request use it. */
export interface Target {
  /** Canonical: escapes of unreserved characters are decoded, all others kept. Starts with `/`. */
  readonly path: string;
  /** With its `?`, or empty. As received. */
  readonly query: string;
  /** What the path would be if all `;` parameters were taken away; equal to `path` when there are none. */
  readonly withoutParameters: string;
}

const MAX_TARGET_BYTES = 8_192;
const ABSOLUTE = /^https?:\/\/([^/?#]*)(.*)$/i;
const PATH = /^\/(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/]|%[0-9A-Fa-f]{2})*$/;
const QUERY = /^(?:\?(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/?[\]{}|^`]|%)*)?$/;
const ESCAPE = /%[0-9A-Fa-f]{2}/g;
const UNRESERVED = /^[A-Za-z0-9\-._~]$/;
// Control characters, backslash and slash; a double escape is `%25` before two hex digits.
const FORBIDDEN_ESCAPE = /%(?:[01][0-9A-F]|7F|5C|2F|25[0-9A-F]{2})/i;

/** `host` is the validated Host field: an absolute target must name the same. */
export function parseTarget(raw: string, host: string): Result<Target, Refusal> {
  if (raw.length > MAX_TARGET_BYTES) return reject({ status: 414, code: 'uri-too-long' });
  const origin = toOriginForm(raw, host);
  if (origin === undefined) return reject(badTarget('the target is not a path of this host'));
  const mark = origin.indexOf('?');
  const rawPath = mark === -1 ? origin : origin.slice(0, mark);
  const query = mark === -1 ? '' : origin.slice(mark);
  if (!PATH.test(rawPath) || !QUERY.test(query))
    return reject(badTarget('the target has characters that must be escaped'));
  const path = decodeUnreserved(rawPath);
  if (FORBIDDEN_ESCAPE.test(path) || !isUtf8(path))
    return reject(badTarget('the path has an ambiguous escape'));
  if (!hasPlainSegments(path)) return reject(badTarget('the path has an empty or dot segment'));
  return accept({ path, query: query === '?' ? '' : query, withoutParameters: stripParameters(path) });
}

function toOriginForm(raw: string, host: string): string | undefined {
  if (raw.startsWith('/')) return raw;
  const [, authority, rest = ''] = ABSOLUTE.exec(raw) ?? [];
  if (authority === undefined || authority.toLowerCase() !== host.toLowerCase()) return undefined;
  return rest.startsWith('/') ? rest : `/${rest}`;
}

function decodeUnreserved(path: string): string {
  if (!path.includes('%')) return path;
  return path.replace(ESCAPE, (escaped) => {
    const character = String.fromCharCode(Number.parseInt(escaped.slice(1), 16));
    return UNRESERVED.test(character) ? character : escaped;
  });
}

function isUtf8(path: string): boolean {
  if (!path.includes('%')) return true;
  try {
    decodeURIComponent(path);
    return true;
  } catch {
    return false; // URIError: exactly what is asked here
  }
}

/** No segment is empty, `.` or `..`, also not before its parameters. One slash at the end is no segment. */
function hasPlainSegments(path: string): boolean {
  if (!path.includes('//') && !path.includes('/.') && !path.includes('/;') && !/\/%3b/i.test(path))
    return true;
  const segments = path.slice(1).split('/');
  if (segments.at(-1) === '') segments.pop();
  return segments.every((segment) => {
    const [name] = segment.split(/;|%3b/i);
    return name !== '' && name !== '.' && name !== '..';
  });
}

function stripParameters(path: string): string {
  return path.includes(';') || /%3b/i.test(path) ? path.replace(/(?:;|%3b)[^/]*/gi, '') : path;
}
