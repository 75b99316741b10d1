import type { Exchange } from '../../exchange.ts';
import { fieldName } from '../../wire/rules/field-names.ts';
import { appendField, fieldValue, removeField, setField } from '../../wire/rules/fields.ts';
import type { TokenSources } from './config.ts';

const COOKIE = fieldName('Cookie');
const PROTOCOL = fieldName('Sec-WebSocket-Protocol');

/**
 * Takes the token of a WebSocket or an event stream from where the route allows it, and takes it away: neither the back end nor a log
 * gets to see it. `undefined` where there is none, and for every other request: a cookie would let other sites act for the user.
 */
export function takeToken(exchange: Exchange, sources: TokenSources): string | undefined {
  if (!isOfBrowser(exchange)) return undefined;
  const fromQuery = takeParameter(exchange, sources.query);
  const fromCookie = takeCookie(exchange, sources.cookie);
  const fromProtocol = takeProtocol(exchange, sources.protocol);
  const token = fromProtocol ?? fromQuery ?? fromCookie;
  return token !== undefined && /^[\x21-\x2b\x2d-\x7e]+$/.test(token) ? token : undefined;
}

function isOfBrowser({ request: { handshake, method, fields } }: Exchange): boolean {
  if (handshake === 'websocket') return true;
  return method === 'GET' && fieldValue(fields, 'accept')?.includes('text/event-stream') === true;
}

/** A parameter of the query, taken out of it. */
export function takeParameter(exchange: Exchange, name: string | undefined): string | undefined {
  const { query } = exchange.request.target;
  if (name === undefined || query === '') return undefined;
  const pairs = query.slice(1).split('&');
  const isNamed = (pair: string) => decoded(pair.split('=', 1)[0] ?? '') === name;
  const found = pairs.find(isNamed);
  if (found === undefined) return undefined;
  const rest = pairs.filter((pair) => !isNamed(pair));
  const target = { ...exchange.request.target, query: rest.length === 0 ? '' : `?${rest.join('&')}` };
  exchange.request = { ...exchange.request, target };
  return decoded(found.slice(found.indexOf('=') + 1));
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // no escape of anything: it is compared and verified as it stands
  }
}

/** A cookie of the request, taken from what goes to the back end. */
export function takeCookie({ outgoing: { fields } }: Exchange, name: string | undefined): string | undefined {
  const cookies = name === undefined ? undefined : fieldValue(fields, COOKIE.lower);
  if (cookies === undefined) return undefined;
  const pairs = cookies.split(';').map((pair) => pair.trim());
  const found = pairs.find((pair) => pair.startsWith(`${name}=`));
  if (found === undefined) return undefined;
  const rest = pairs.filter((pair) => !pair.startsWith(`${name}=`));
  if (rest.length === 0) removeField(fields, COOKIE.lower);
  else setField(fields, COOKIE, rest.join('; '));
  return found.slice(found.indexOf('=') + 1);
}

/** `Sec-WebSocket-Protocol: bearer, <token>, chat`. A browser that offers protocols wants one of them back. */
function takeProtocol(exchange: Exchange, name: string | undefined): string | undefined {
  const { fields } = exchange.outgoing;
  const offered = name === undefined ? undefined : fieldValue(fields, PROTOCOL.lower);
  if (name === undefined || offered === undefined) return undefined;
  const protocols = offered.split(',').map((protocol) => protocol.trim());
  const at = protocols.indexOf(name);
  const token = at === -1 ? undefined : protocols[at + 1];
  if (token === undefined) return undefined;
  const rest = [...protocols.slice(0, at), ...protocols.slice(at + 2)];
  if (rest.length === 0) {
    removeField(fields, PROTOCOL.lower);
    appendField(exchange.answerFields, PROTOCOL, name);
  } else setField(fields, PROTOCOL, rest.join(', '));
  return token;
}
