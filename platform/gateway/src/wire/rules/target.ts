import { accept, type Result, reject } from '@flotilla/kernel';
import { badTarget, type Refusal } from './refusal.ts';

/** The one reading of a request target: every decision and the forwarded request use it. */
export interface Target {
  /** Canonical: escapes of unreserved characters are decoded, all others kept. Starts with `/`. */
  readonly path: string;
  /** With its `?`, or empty. As received. */
  readonly query: string;
  /** What the path would be if all `;` parameters were taken away; equal to `path` when there are none. */
  readonly withoutParameters: string;
  /** Has it `%2F` or an escaped escape? Refused but by routes that pass it on. */
  readonly hidesSlashes?: true;
}

const MAX_TARGET_BYTES = 8_192;
const SLASH = 0x2f;
const DOT = 0x2e;
const PERCENT = 0x25;
const QUESTION = 0x3f;
const SEMICOLON = 0x3b;

// What a byte is in a path: nothing that may be there, an ordinary character, or one that has to be looked at.
const PLAIN = 1;
const SPECIAL = 2;
const IN_PATH = new Uint8Array(256);
const IN_QUERY = new Uint8Array(256);
const UNRESERVED = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~';
const REST_OF_PATH = "!$&'()*+,=:@[]|^"; // browsers send the last four as they are
const REST_OF_QUERY = '/;%?{}`\\'; // and these
for (const character of UNRESERVED + REST_OF_PATH) {
  IN_PATH[character.charCodeAt(0)] = PLAIN;
  IN_QUERY[character.charCodeAt(0)] = PLAIN;
}
for (const code of [PERCENT, SEMICOLON, SLASH]) IN_PATH[code] = SPECIAL;
for (const character of REST_OF_QUERY) IN_QUERY[character.charCodeAt(0)] = PLAIN;

const TOO_LONG: Refusal = { status: 414, code: 'uri-too-long' };
const NOT_OF_THIS_HOST = badTarget('the target is not a path of this host');
const UNESCAPED = badTarget('the target has characters that must be escaped');
export const AMBIGUOUS_ESCAPE: Refusal = badTarget('the path has an ambiguous escape');
const AMBIGUOUS_SEGMENT = badTarget('the path has an empty or dot segment');

const ABSOLUTE = /^https?:\/\/([^/?#]*)(.*)$/i;
const ESCAPE = /%[0-9A-Fa-f]{2}/g;
const BAD_ESCAPE = /%(?![0-9A-Fa-f]{2})/;
const UNRESERVED_CHARACTER = /^[A-Za-z0-9\-._~]$/;
// Control characters and backslash.
const FORBIDDEN_ESCAPE = /%(?:[01][0-9A-F]|7F|5C)/i;
const DOT_SEGMENT = /\/\.{1,2}(?=[/;]|%3b|$)/i;
/** A slash, or a double escape: `%25` before two hex digits. */
const HIDING_ESCAPE = /%(?:2F|25[0-9A-F]{2})/i;
const PARAMETERS = /(?:;|%3b)[^/]*/gi;

/** `host` is the validated Host field: an absolute target must name the same. */
export function parseTarget(raw: string, host: string): Result<Target, Refusal> {
  if (raw.length > MAX_TARGET_BYTES) return reject(TOO_LONG);
  const origin = raw.charCodeAt(0) === SLASH ? raw : toOriginForm(raw, host);
  if (origin === undefined) return reject(NOT_OF_THIS_HOST);
  const { end, isPlain } = scanPath(origin);
  const isQuery = end < origin.length && origin.charCodeAt(end) === QUESTION;
  if ((end < origin.length && !isQuery) || !isQueryText(origin, end + 1)) return reject(UNESCAPED);
  const query = origin.length > end + 1 ? origin.slice(end) : '';
  const path = isQuery ? origin.slice(0, end) : origin;
  return isPlain ? accept({ path, query, withoutParameters: path }) : canonical(path, query);
}

function toOriginForm(raw: string, host: string): string | undefined {
  const [, authority, rest = ''] = ABSOLUTE.exec(raw) ?? [];
  if (authority === undefined || authority.toLowerCase() !== host.toLowerCase()) return undefined;
  return rest.charCodeAt(0) === SLASH ? rest : `/${rest}`;
}

/** Where the path ends, and whether it is canonical as it stands: most are, and cost no more than this look. */
function scanPath(origin: string): { readonly end: number; readonly isPlain: boolean } {
  let isPlain = true;
  let end = 0;
  for (; end < origin.length; end += 1) {
    const kind = IN_PATH[origin.charCodeAt(end)];
    if (kind === PLAIN) continue;
    if (kind !== SPECIAL) break;
    if (origin.charCodeAt(end) === SLASH) {
      const next = origin.charCodeAt(end + 1);
      isPlain &&= next !== SLASH && next !== DOT;
    } else isPlain = false;
  }
  return { end, isPlain };
}

function isQueryText(origin: string, start: number): boolean {
  for (let at = start; at < origin.length; at += 1)
    if (IN_QUERY[origin.charCodeAt(at)] !== PLAIN) return false;
  return true;
}

function canonical(raw: string, query: string): Result<Target, Refusal> {
  if (BAD_ESCAPE.test(raw)) return reject(UNESCAPED);
  const path = decodeUnreserved(raw);
  if (FORBIDDEN_ESCAPE.test(path) || !isUtf8(path)) return reject(AMBIGUOUS_ESCAPE);
  if (!hasPlainSegments(path)) return reject(AMBIGUOUS_SEGMENT);
  const target = { path, query, withoutParameters: path.replace(PARAMETERS, '') };
  if (!HIDING_ESCAPE.test(path)) return accept(target);
  return isHarmlessDecoded(path) ? accept({ ...target, hidesSlashes: true }) : reject(AMBIGUOUS_ESCAPE);
}

/** Would a back end that decodes what is hidden, once more than it should, leave the place that was decided on? Empty segments lead nowhere. */
function isHarmlessDecoded(path: string): boolean {
  const decoded = decodeUnreserved(path.replaceAll('%25', '%').replace(/%2f/gi, '/'));
  return !FORBIDDEN_ESCAPE.test(decoded) && !DOT_SEGMENT.test(decoded);
}

function decodeUnreserved(path: string): string {
  if (!path.includes('%')) return path;
  return path.replace(ESCAPE, (escaped) => {
    const character = String.fromCharCode(Number.parseInt(escaped.slice(1), 16));
    return UNRESERVED_CHARACTER.test(character) ? character : escaped;
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
  const segments = path.slice(1).split('/');
  if (segments.at(-1) === '') segments.pop();
  return segments.every((segment) => {
    const [name] = segment.split(/;|%3b/i);
    return name !== '' && name !== '.' && name !== '..';
  });
}
