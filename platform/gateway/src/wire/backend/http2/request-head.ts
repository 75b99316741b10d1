import { isToken, isValue, isVisible } from '../../rules/characters.ts';
import { isGrpc } from '../../rules/grpc.ts';
import { appendToWire } from '../../rules/http2/wire-fields.ts';
import type { BackendRequest } from '../backend-call.ts';

/** The pseudo-fields and fields of the request; `undefined` when something in them could be misread. */
export function requestHead(request: BackendRequest, scheme: 'http' | 'https'): string[] | undefined {
  const { method, target, authority, fields, body } = request;
  if (!isToken(method) || !isVisible(target) || !isVisible(authority)) return undefined;
  const raw = [':method', method, ':scheme', scheme, ':authority', authority, ':path', target];
  if (!fields.values.every((value) => isValue(value)) || !fields.names.every(({ text }) => isToken(text)))
    return undefined;
  if (!appendToWire(raw, fields)) return undefined;
  if (isGrpc(fields)) raw.push('te', 'trailers');
  if (body instanceof Uint8Array) raw.push('content-length', String(body.length));
  else if (body?.framing.kind === 'length') raw.push('content-length', String(body.framing.bytes));
  return raw;
}
