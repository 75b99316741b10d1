import type { Step } from '../../exchange.ts';
import { fieldName } from '../../wire/rules/field-names.ts';
import { appendField, type Fields, fieldValue } from '../../wire/rules/fields.ts';
import { parseIpAddress } from '../../wire/rules/ip-address.ts';
import { badTarget, type Refusal } from '../../wire/rules/refusal.ts';
import type { RequestHead } from '../../wire/rules/request.ts';
import { compileIpSet, type IpSet } from '../ip-rules/ip-ranges.ts';
import { type ForwardedView, readForwarded } from './forwarded-chain.ts';

const FORWARDED_FOR = fieldName('x-forwarded-for');
const REAL_IP = fieldName('x-real-ip');
const FORWARDED_HOST = fieldName('x-forwarded-host');
const FORWARDED_PROTO = fieldName('x-forwarded-proto');
const VIA = fieldName('via');

const LOOP: Refusal = { status: 508, code: 'loop-detected' };
const AMBIGUOUS: Refusal = {
  ...badTarget('Forwarded and X-Forwarded-For name different clients'),
  code: 'ambiguous-forwarding',
};

export interface ForwardingOptions {
  readonly strict: boolean;
  /** Addresses and ranges of proxies whose word on the client counts. */
  readonly trustedProxies: readonly string[];
  /** Names this gateway in `Via`: other than that of every other gateway, or chains of them look like loops. */
  readonly pseudonym: string;
}

/**
 * The first step of every route: says who the client is, and gives the back end `X-Real-IP`, `X-Forwarded-For`,
 * `-Host`, `-Proto` and `Via` (strict: none of them). What the client said about itself is gone unless the peer is
 * trusted. A request that has been here before is refused with 508. Throws `RangeError` on a proxy that is no
 * address or range.
 */
export function compileForwarding({ strict, trustedProxies, pseudonym }: ForwardingOptions): Step {
  const trusted = compileIpSet(trustedProxies);
  const trustsPeer = trustIn(trusted);
  const via = { '1.0': `1.0 ${pseudonym}`, '1.1': `1.1 ${pseudonym}`, '2.0': `2.0 ${pseudonym}` } as const;

  return (exchange) => {
    const { request, peerAddress, outgoing, secure } = exchange;
    if (hasPassed(request, pseudonym)) return LOOP;
    let view: ForwardedView | undefined;
    if (trustsPeer(peerAddress)) {
      view = readForwarded(request.fields, peerAddress, (address) => trusted.has(address));
      if (view === undefined) return AMBIGUOUS;
      exchange.clientAddress = view.clientAddress;
    }
    if (strict) return undefined;
    addFields(outgoing.fields, { view, request, peerAddress, secure });
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
}

function addFields(fields: Fields, { view, request, peerAddress, secure }: Seen): void {
  // Which hop of a list is the client depends on whom one trusts: the response is a field of its own.
  appendField(fields, REAL_IP, view?.clientAddress ?? peerAddress);
  const chain = view === undefined ? peerAddress : [...view.chain, peerAddress].join(', ');
  appendField(fields, FORWARDED_FOR, chain);
  appendField(fields, FORWARDED_HOST, view?.host ?? request.host);
  appendField(fields, FORWARDED_PROTO, view?.proto ?? (secure ? 'https' : 'http'));
}

/** `Via: 1.1 name (comment), …` */
function hasPassed({ fields }: RequestHead, pseudonym: string): boolean {
  const via = fieldValue(fields, 'via');
  if (via === undefined || !via.includes(pseudonym)) return false;
  return via.split(',').some((hop) => hop.trim().split(/[ \t]+/)[1] === pseudonym);
}
