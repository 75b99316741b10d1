import { type IpAddress, parseIpAddress } from '@flotilla/kernel/addresses';

/** Both ends belong to it; they are of one family. */
export interface IpRange {
  readonly from: IpAddress;
  readonly to: IpAddress;
}

export interface IpSet {
  readonly isEmpty: boolean;
  has(address: IpAddress): boolean;
}

const V4_END = 0xffff_ffffn;
const V4_MAPPED = 0xffffn << 32n;

/**
 * One address, `a-b`, `10.0.0.1-9` (the last number), `address/bits` or `address/mask`. `undefined` = none of
 * these: also a range that ends before it begins and a mask with holes. An IPv6 range means IPv4 addresses
 * only when it lies within `::ffff:0:0/96`.
 */
export function parseIpRange(entry: string): IpRange | undefined {
  const text = entry.trim();
  const slash = text.indexOf('/');
  if (slash !== -1) return parseBlock(text.slice(0, slash), text.slice(slash + 1));
  const dash = text.indexOf('-');
  if (dash === -1) return toRange(parseIpAddress(text), parseIpAddress(text));
  const first = text.slice(0, dash).trim();
  const last = text.slice(dash + 1).trim();
  const isShort = /^\d{1,3}$/.test(last) && !first.includes(':');
  const end = isShort ? first.slice(0, first.lastIndexOf('.') + 1) + last : last;
  return toRange(parseIpAddress(first), parseIpAddress(end));
}

function toRange(from: IpAddress | undefined, to: IpAddress | undefined): IpRange | undefined {
  if (from === undefined || to === undefined || typeof from !== typeof to) return undefined;
  return from <= to ? { from, to } : undefined;
}

function parseBlock(base: string, size: string): IpRange | undefined {
  const address = parseIpAddress(base);
  if (address === undefined) return undefined;
  const isMapped = typeof address === 'number' && base.includes(':');
  const bits = typeof address === 'number' && !isMapped ? 32 : 128;
  const prefix = /^\d{1,3}$/.test(size) ? Number(size) : prefixOfMask(parseIpAddress(size), bits);
  if (prefix === undefined || prefix > bits) return undefined;
  const value = isMapped ? V4_MAPPED | BigInt(address) : BigInt(address);
  const rest = (1n << BigInt(bits - prefix)) - 1n;
  const from = value & ~rest;
  const to = value | rest;
  if (bits === 32) return { from: Number(from), to: Number(to) };
  const isV4 = isMapped && prefix >= 96;
  return isV4 ? { from: Number(from & V4_END), to: Number(to & V4_END) } : { from, to };
}

/** How many ones the mask begins with; `undefined` when ones follow a zero. */
function prefixOfMask(mask: IpAddress | undefined, bits: number): number | undefined {
  if (mask === undefined || (typeof mask === 'number') !== (bits === 32)) return undefined;
  const inverse = ((1n << BigInt(bits)) - 1n) ^ BigInt(mask);
  if ((inverse & (inverse + 1n)) !== 0n) return undefined;
  return bits - (inverse === 0n ? 0 : inverse.toString(2).length);
}

/** Throws `RangeError` on an entry that is no range: a list must not silently protect less than it says. */
export function compileIpSet(entries: readonly string[]): IpSet {
  const ranges = entries.map((entry) => {
    const range = parseIpRange(entry);
    if (range === undefined) throw new RangeError(`not an IP address or range: ${entry}`);
    return range;
  });
  const v4 = sortedTable(ranges, (value) => typeof value === 'number');
  const v6 = sortedTable(ranges, (value) => typeof value === 'bigint');
  return {
    isEmpty: ranges.length === 0,
    has: (address) => isWithin(typeof address === 'number' ? v4 : v6, address),
  };
}

interface Table {
  readonly starts: readonly IpAddress[];
  readonly ends: readonly IpAddress[];
}

/** Overlapping ranges become one, so that the last one that starts before an address decides. */
function sortedTable(ranges: readonly IpRange[], isOfFamily: (value: IpAddress) => boolean): Table {
  const starts: IpAddress[] = [];
  const ends: IpAddress[] = [];
  const sorted = ranges
    .filter(({ from }) => isOfFamily(from))
    .sort((a, b) => (a.from < b.from ? -1 : a.from > b.from ? 1 : 0));
  for (const { from, to } of sorted) {
    const lastEnd = ends.at(-1);
    if (lastEnd !== undefined && from <= lastEnd) {
      if (to > lastEnd) ends[ends.length - 1] = to;
      continue;
    }
    starts.push(from);
    ends.push(to);
  }
  return { starts, ends };
}

function isWithin({ starts, ends }: Table, address: IpAddress): boolean {
  let low = 0;
  let high = starts.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    if ((starts[middle] ?? 0) > address) high = middle - 1;
    else if ((ends[middle] ?? 0) < address) low = middle + 1;
    else return true;
  }
  return false;
}
