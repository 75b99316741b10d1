import { type IpAddress, parseIpAddress, withoutMapping } from '@flotilla/kernel/addresses';
import { type Fields, fieldValue } from '../../wire/rules/fields.ts';
import type { ForwardedHeader } from './config.ts';

/** What trusted proxies say about the client in front of them. */
export interface ForwardedView {
  readonly clientAddress: string;
  /** The client, then the proxies between it and the peer. */
  readonly chain: readonly string[];
  readonly proto: 'http' | 'https' | undefined;
  readonly host: string | undefined;
  readonly port: string | undefined;
  /** Of the path, taken off by a proxy before: `/shop`. */
  readonly prefix: string | undefined;
}

type IsTrusted = (address: IpAddress) => boolean;

interface Hop {
  readonly address: string | undefined;
  readonly proto: string | undefined;
  readonly host: string | undefined;
}

/**
 * Reads the field that trusted proxies write, from right to left as far as the hops are trusted. Only for requests whose peer is. The other
 * field is not looked at: proxies pass on what a client said there.
 */
export function readForwarded(
  fields: Fields,
  peerAddress: string,
  header: ForwardedHeader,
  isTrusted: IsTrusted,
): ForwardedView {
  const text = fieldValue(fields, header);
  const parse = header === 'forwarded' ? parseForwarded : parseList;
  const hops = text === undefined ? [] : walk(parse(text), isTrusted);
  const [first] = hops;
  const chain = hops.flatMap(({ address }) => address ?? []);
  const last = (name: string) => lastOf(fieldValue(fields, name));
  return {
    clientAddress: chain[0] === undefined ? peerAddress : withoutMapping(chain[0]),
    chain,
    proto: knownProto(first?.proto ?? last('x-forwarded-proto')),
    host: validHost(first?.host ?? last('x-forwarded-host')),
    port: matching(/^\d{1,5}$/, last('x-forwarded-port')),
    prefix: matching(PREFIX, last('x-forwarded-prefix')),
  };
}

/** The hops that count, the client first: up to the first address that is not trusted, or cannot be read. */
function walk(hops: readonly Hop[], isTrusted: IsTrusted): readonly Hop[] {
  for (let index = hops.length - 1; index >= 0; index -= 1) {
    const address = parseIpAddress(hops[index]?.address ?? '');
    if (address === undefined) return hops.slice(index + 1);
    if (!isTrusted(address)) return hops.slice(index);
  }
  return hops;
}

function parseList(list: string): readonly Hop[] {
  return list.split(',').map((part) => ({
    address: withoutPort(part.trim()),
    proto: undefined,
    host: undefined,
  }));
}

/** RFC 7239. A comma or semicolon within quotes makes the element unreadable, which ends the walk there. */
function parseForwarded(text: string): readonly Hop[] {
  return text.split(',').map((element) => {
    const pairs = new Map<string, string>();
    for (const pair of element.split(';')) {
      const equals = pair.indexOf('=');
      if (equals === -1) continue;
      pairs.set(pair.slice(0, equals).trim().toLowerCase(), unquote(pair.slice(equals + 1).trim()));
    }
    const address = pairs.get('for');
    return {
      address: address === undefined ? undefined : withoutPort(address),
      proto: pairs.get('proto'),
      host: pairs.get('host'),
    };
  });
}

function unquote(text: string): string {
  return text.length >= 2 && text.startsWith('"') && text.endsWith('"') ? text.slice(1, -1) : text;
}

/** `1.2.3.4:80` and `[::1]:80` name the address too. */
function withoutPort(node: string): string {
  if (node.startsWith('[')) return node.slice(1, node.indexOf(']'));
  const colon = node.indexOf(':');
  return colon !== -1 && colon === node.lastIndexOf(':') ? node.slice(0, colon) : node;
}

function lastOf(list: string | undefined): string | undefined {
  return list?.slice(list.lastIndexOf(',') + 1).trim();
}

function knownProto(text: string | undefined): ForwardedView['proto'] {
  const lower = text?.toLowerCase();
  return lower === 'http' || lower === 'https' ? lower : undefined;
}

const HOST = /^(?:[A-Za-z0-9._-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?$/;

function validHost(text: string | undefined): string | undefined {
  return matching(HOST, text);
}

/** Segments of plain characters, none of them `.` or `..`. */
const PREFIX = /^(?:\/(?!\.{1,2}(?:\/|$))[A-Za-z0-9._~-]+){1,16}$/;

function matching(pattern: RegExp, text: string | undefined): string | undefined {
  return text !== undefined && pattern.test(text) ? text : undefined;
}
