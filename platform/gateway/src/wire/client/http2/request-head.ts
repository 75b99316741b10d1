import { accept, type Result, reject } from '@flotilla/kernel';
import { isRequestValue, isToken, parseDigits } from '../../rules/characters.ts';
import { fieldName } from '../../rules/field-names.ts';
import { appendField, type Fields, fieldValue, noFields } from '../../rules/fields.ts';
import { isHost } from '../../rules/host.ts';
import { CLIENT } from '../../rules/limits.ts';
import { EXPECTATION_FAILED, METHOD_NOT_ALLOWED, malformed, type Refusal } from '../../rules/refusal.ts';
import { type BodyFraming, isMethod, type RequestHead } from '../../rules/request.ts';
import { parseTarget } from '../../rules/target.ts';
import type { Http2Limits } from '../options.ts';

export interface Http2Head {
  readonly request: RequestHead;
  readonly expectsContinue: boolean;
}

/** `none` = a question to the gateway itself: `OPTIONS *`, or OPTIONS that may go no further. */
export type Http2Refusal = Refusal | 'none';

const PSEUDO: ReadonlySet<string> = new Set([':method', ':scheme', ':authority', ':path']);
const TOO_LARGE: Refusal = { status: 431, code: 'malformed-request', detail: 'the head is too large' };

/**
 * One reading of a request, by the same rules as for HTTP/1.1. `raw` is name, value, name, value, … as Node lists
 * it; `endsStream`: there is no body.
 */
export function readHttp2Head(
  raw: readonly string[],
  endsStream: boolean,
  limits: Pick<Http2Limits, 'maxHeadBytes' | 'maxFields' | 'extraMethods'>,
): Result<Http2Head, Http2Refusal> {
  const pseudo = new Map<string, string>();
  const fields = noFields();
  const unreadable = collect(raw, pseudo, fields, limits) ?? checkPseudo(pseudo, limits.extraMethods);
  if (unreadable !== undefined) return reject(unreadable);
  const method = pseudo.get(':method') ?? '';
  const path = pseudo.get(':path') ?? '';
  const host = pseudo.get(':authority') ?? fieldValue(fields, 'host') ?? '';
  const unusable = checkMeaning(fields, host);
  if (unusable !== undefined) return reject(unusable);
  const framing = framingOf(fields, endsStream);
  if (framing === undefined) return reject(malformed('content-length is not a length'));
  if (method === 'OPTIONS' && (path === '*' || fieldValue(fields, 'max-forwards') === '0'))
    return reject('none');
  const target = parseTarget(path, host);
  if (!target.ok) return target;
  return accept({
    request: {
      method,
      version: '2.0',
      target: target.value,
      host,
      fields,
      connectionNames: [],
      framing,
      handshake: 'none',
    },
    expectsContinue: fieldValue(fields, 'expect') !== undefined,
  });
}

function collect(
  raw: readonly string[],
  pseudo: Map<string, string>,
  fields: Fields,
  { maxHeadBytes, maxFields }: Pick<Http2Limits, 'maxHeadBytes' | 'maxFields'>,
): Refusal | undefined {
  let bytes = 0;
  for (let index = 0; index < raw.length; index += 2) {
    const text = raw[index] ?? '';
    const value = raw[index + 1] ?? '';
    bytes += text.length + value.length + 4;
    if (bytes > maxHeadBytes || text.length > CLIENT.maxNameBytes) return TOO_LARGE;
    if (!isRequestValue(text, value)) return malformed('a field value has characters that are not allowed');
    const refusal = text.startsWith(':') ? addPseudo(pseudo, text, value) : add(fields, text, value);
    if (refusal !== undefined) return refusal;
  }
  return fields.names.length > maxFields ? { ...TOO_LARGE, detail: 'too many fields' } : undefined;
}

function addPseudo(pseudo: Map<string, string>, text: string, value: string): Refusal | undefined {
  if (!PSEUDO.has(text) || pseudo.has(text)) return malformed('a pseudo-field is unknown or repeated');
  pseudo.set(text, value);
  return undefined;
}

function add(fields: Fields, text: string, value: string): Refusal | undefined {
  if (!isToken(text) || text !== text.toLowerCase())
    return malformed('a field name is no token in lower case');
  const name = fieldName(text);
  if (name.isSingle && fields.names.some(({ lower }) => lower === name.lower))
    return malformed('a field that must be single is repeated');
  // RFC 9113 §8.2.2: nothing of one connection, but `te: trailers`.
  if (name.isHopByHop && name.lower !== 'expect' && !(name.lower === 'te' && value === 'trailers'))
    return malformed('a field belongs to HTTP/1.1 connections');
  // Cookie lines are one field in HTTP/1.1, and back ends know it so (RFC 9113 §8.2.3).
  const cookieAt = name.lower === 'cookie' ? fields.names.indexOf(name) : -1;
  if (cookieAt === -1) appendField(fields, name, value.trim());
  else fields.values[cookieAt] = `${fields.values[cookieAt]}; ${value.trim()}`;
  return undefined;
}

function checkPseudo(
  pseudo: ReadonlyMap<string, string>,
  extraMethods: ReadonlySet<string>,
): Refusal | undefined {
  const { closes: _closes, ...notAllowed } = METHOD_NOT_ALLOWED;
  const asked = pseudo.get(':method') ?? '';
  if (!isMethod(asked) && !extraMethods.has(asked)) return notAllowed;
  const scheme = pseudo.get(':scheme');
  if (scheme !== 'https' && scheme !== 'http') return malformed('the scheme is not http or https');
  return pseudo.has(':path') ? undefined : malformed('there is no path');
}

function checkMeaning(fields: Fields, host: string): Refusal | undefined {
  const named = fieldValue(fields, 'host');
  if (!isHost(host) || (named !== undefined && named.toLowerCase() !== host.toLowerCase()))
    return malformed('the authority is missing, no host, or not the Host field');
  const expect = fieldValue(fields, 'expect');
  if (expect !== undefined && expect.toLowerCase() !== '100-continue') return EXPECTATION_FAILED;
  const ranges = fieldValue(fields, 'range')?.split(',').length ?? 0;
  return ranges > CLIENT.maxRanges ? { status: 416, code: 'too-many-ranges' } : undefined;
}

function framingOf(fields: Fields, endsStream: boolean): BodyFraming | undefined {
  const length = fieldValue(fields, 'content-length');
  const bytes = length === undefined ? 0 : parseDigits(length);
  if (bytes === -1 || (endsStream && bytes > 0)) return undefined;
  if (endsStream) return { kind: 'none' };
  return length === undefined ? { kind: 'chunked' } : { kind: 'length', bytes };
}
