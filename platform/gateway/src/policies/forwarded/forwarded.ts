import { parseIpAddress } from '@flotilla/kernel/addresses';
import type { Step } from '../../exchange.ts';
import { fieldName } from '../../wire/rules/field-names.ts';
import { appendField, type Fields, fieldValue } from '../../wire/rules/fields.ts';
import type { Refusal } from '../../wire/rules/refusal.ts';
import type { RequestHead } from '../../wire/rules/request.ts';
import { compileIpSet, type IpSet } from '../ip-rules/ip-ranges.ts';
import type { ForwardedHeader } from './config.ts';
import { type ForwardedView, readForwarded } from './forwarded-chain.ts';

const FORWARDED_FOR = fieldName('x-forwarded-for');
const REAL_IP = fieldName('x-real-ip');
const FORWARDED_HOST = fieldName('x-forwarded-host');
const FORWARDED_PROTO = fieldName('x-forwarded-proto');
const VIA = fieldName('via');

const FORWARDED_PORT = fieldName('x-forwarded-port');
const FORWARDED_PREFIX = fieldName('x-forwarded-prefix');

const LOOP: Refusal = { status: 508, code: 'loop-detected' };

export interface TrustOptions {
  /** Addresses and ranges of proxies whose word on the client counts. */
  readonly trustedProxies: readonly string[];
  readonly forwardedHeader: ForwardedHeader;
}

/** Says what trusted proxies have said of the client; `undefined` when the peer is none. */
export type ReadView = (fields: Fields, peerAddress: string) => ForwardedView | undefined;

/** Throws `RangeError` on a proxy that is no address or range. */
export function compileView({ trustedProxies, forwardedHeader }: TrustOptions): ReadView {
  const trusted = compileIpSet(trustedProxies);
  const trustsPeer = trustIn(trusted);
  return (fields, peerAddress) =>
    trustsPeer(peerAddress)
      ? readForwarded(fields, peerAddress, forwardedHeader, (address) => trusted.has(address))
      : undefined;
}

export interface ForwardingOptions extends TrustOptions {
  readonly strict: boolean;
  /** Names this gateway in `Via`: other than that of every other gateway, or chains of them look like loops. */
  readonly pseudonym: string;
  /** What the route takes off the path, `''` = nothing. */
  readonly strippedPrefix: string;
}

/**
 * The first step of every route: says who the client is, and gives the back end `X-Real-IP`, `X-Forwarded-For`, `-Host`, `-Proto`, `-Prefix`
 * where the route strips one, and `Via` (strict: none of them). What the client said about itself is gone unless the peer is
 * trusted. A request that has been here before is refused with 508. Throws `RangeError` on a proxy that is no
 * address or range.
 */
export function compileForwarding(options: ForwardingOptions): Step {
  const { strict, pseudonym, strippedPrefix } = options;
  const viewOf = compileView(options);
  const via = { '1.0': `1.0 ${pseudonym}`, '1.1': `1.1 ${pseudonym}`, '2.0': `2.0 ${pseudonym}` } as const;

  return (exchange) => {
    const { request, peerAddress, outgoing, secure } = exchange;
    if (hasPassed(request, pseudonym)) return LOOP;
    const view = viewOf(request.fields, peerAddress);
    if (view !== undefined) exchange.clientAddress = view.clientAddress;
    if (strict) return undefined;
    addFields(outgoing.fields, { view, request, peerAddress, secure, strippedPrefix });
    appendField(outgoing.fields, VIA, via[request.version]);
    return undefined;
  };
}

/** Does the peer at this address bring the requests of others? */
export function trustIn(proxies: IpSet): (peerAddress: string) => boolean {
  if (proxies.isEmpty) return () => false;
  return (peerAddress) => {
    const peer = parseIpAddress(peerAddress);
    return peer !== undefined && proxies.has(peer);
  };
}

interface Seen {
  readonly view: ForwardedView | undefined;
  readonly request: RequestHead;
  readonly peerAddress: string;
  readonly secure: boolean;
  readonly strippedPrefix: string;
}

function addFields(fields: Fields, { view, request, peerAddress, secure, strippedPrefix }: Seen): void {
  // Which hop of a list is the client depends on whom one trusts: the response is a field of its own.
  appendField(fields, REAL_IP, view?.clientAddress ?? peerAddress);
  const chain = view === undefined ? peerAddress : [...view.chain, peerAddress].join(', ');
  appendField(fields, FORWARDED_FOR, chain);
  appendField(fields, FORWARDED_HOST, request.host);
  appendField(fields, FORWARDED_PROTO, view?.proto ?? (secure ? 'https' : 'http'));
  if (view?.port !== undefined) appendField(fields, FORWARDED_PORT, view.port);
  const prefix = `${view?.prefix ?? ''}${strippedPrefix}`;
  if (prefix !== '') appendField(fields, FORWARDED_PREFIX, prefix);
}

/** The literal beginning of the path that a back end does not see: `/shop` of `/shop/{rest}` → `/{rest}`. */
export function strippedPrefix(upstream: string, downstream: string): string {
  const [path = ''] = downstream.split('?', 1);
  const [own = ''] = upstream.split('?', 1);
  if (path === own || !path.startsWith('/') || !own.endsWith(path)) return '';
  const prefix = own.slice(0, -path.length);
  return prefix.includes('{') ? '' : prefix;
}

/** `Via: 1.1 name (comment), …` */
function hasPassed({ fields }: RequestHead, pseudonym: string): boolean {
  const via = fieldValue(fields, 'via');
  if (via === undefined || !via.includes(pseudonym)) return false;
  return via.split(',').some((hop) => hop.trim().split(/[ \t]+/)[1] === pseudonym);
}
