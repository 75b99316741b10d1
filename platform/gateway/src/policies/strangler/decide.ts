import { addressOwner } from '@flotilla/kernel/addresses';
import type { Exchange } from '../../exchange.ts';
import type { BackendFailure } from '../../wire/backend/backend-call.ts';
import { fieldValue } from '../../wire/rules/fields.ts';
import { IDEMPOTENT } from '../../wire/rules/request.ts';
import type { StranglerConfig } from './config.ts';

export type Side = 'legacy' | 'new';

/** Who answers a request of a route with two implementations. */
export interface Plan {
  readonly first: Side;
  /** Answers when the first one fails. */
  readonly fallback: Side | undefined;
  /** The new side gets a copy whose response the client never sees. */
  readonly isShadowed: boolean;
}

const LEGACY: Plan = { first: 'legacy', fallback: undefined, isShadowed: false };
const NEW: Plan = { first: 'new', fallback: undefined, isShadowed: false };
const SHADOWED: Plan = { first: 'legacy', fallback: undefined, isShadowed: true };
const NEW_WITH_FALLBACK: Plan = { first: 'new', fallback: 'legacy', isShadowed: false };
const LEGACY_WITH_FALLBACK: Plan = { first: 'legacy', fallback: 'new', isShadowed: false };

const SAFE: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/** What can be changed while the gateway runs. */
export type Switchable = Pick<StranglerConfig, 'mode' | 'percent'>;

/** `lot` is uniform in [0, 100) and tells requests apart that are copied from those that are not. */
export function decide(
  exchange: Exchange,
  { mode, percent }: Switchable,
  stickyBy: StranglerConfig['stickyBy'],
  lot: number,
): Plan {
  switch (mode) {
    case 'legacy':
      return LEGACY;
    case 'new':
      return NEW;
    case 'new-with-fallback':
      return NEW_WITH_FALLBACK;
    case 'legacy-with-fallback':
      return LEGACY_WITH_FALLBACK;
    case 'split':
      return percentileOf(userOf(exchange, stickyBy)) < percent ? NEW : LEGACY;
    case 'shadow':
      return lot < percent && isCopyable(exchange) ? SHADOWED : LEGACY;
  }
}

/** Only what has no effects is done twice, and only what has no body, so that nothing is held in memory for it. */
function isCopyable({ request }: Exchange): boolean {
  return SAFE.has(request.method) && request.framing.kind === 'none' && request.handshake === 'none';
}

/**
 * May the other side be asked after this? Only if it cannot do the work a second time: nothing was sent, or the
 * request is idempotent and has no body, which would be used up.
 */
export function canFallBack(
  { request, outgoing }: Exchange,
  after: 'status' | BackendFailure['progress'],
): boolean {
  if (request.framing.kind !== 'none') return false;
  return after === 'not-sent' || IDEMPOTENT.has(outgoing.method);
}

/** Whom the split keeps on one side. Without the header or claim it is the address, of IPv6 its /64. */
export function userOf(exchange: Exchange, stickyBy: StranglerConfig['stickyBy']): string {
  if (stickyBy.kind === 'address') return addressOwner(exchange.clientAddress);
  const named =
    stickyBy.kind === 'claim'
      ? exchange.claims?.get(stickyBy.name)?.[0]
      : fieldValue(exchange.request.fields, stickyBy.name);
  return named || addressOwner(exchange.clientAddress);
}

/** 0 … 99.99, always the same for the same text: who is in 10 % is in 20 % too. FNV-1a with a final mix. */
export function percentileOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (((hash ^ (hash >>> 16)) >>> 0) % 10_000) / 100;
}
