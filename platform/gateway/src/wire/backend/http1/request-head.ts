import { isToken, isValue, isVisible } from '../../rules/characters.ts';
import type { BackendRequest } from '../backend-call.ts';

/**
 * The head of a request, framing and the empty line included. `undefined` when a part of it could be read as
 * something else: values come from configuration, claims and handlers too, not from the strict parser alone.
 */
export function requestHead(request: BackendRequest): string | undefined {
  const { method, target, authority, fields } = request;
  if (!isToken(method) || !isVisible(target) || !isVisible(authority)) return undefined;
  const { names, values } = fields;
  let head = `${method} ${target} HTTP/1.1\r\nHost: ${authority}\r\n`;
  for (let index = 0; index < names.length; index += 1) {
    const name = names[index];
    const value = values[index] ?? '';
    if (name === undefined || name.isHopByHop || name.lower === 'host' || name.lower === 'content-length')
      continue;
    if (!isToken(name.text) || !isValue(value)) return undefined;
    head += `${name.text}: ${value}\r\n`;
  }
  head += request.upgrade ? 'Connection: Upgrade\r\nUpgrade: websocket\r\n' : 'Connection: keep-alive\r\n';
  return `${head}${framingOf(request.body)}\r\n`;
}

function framingOf(body: BackendRequest['body']): string {
  if (body === undefined) return '';
  if (body instanceof Uint8Array) return `Content-Length: ${body.length}\r\n`;
  const { framing } = body;
  if (framing.kind === 'length') return `Content-Length: ${framing.bytes}\r\n`;
  return framing.kind === 'chunked' ? 'Transfer-Encoding: chunked\r\n' : '';
}
