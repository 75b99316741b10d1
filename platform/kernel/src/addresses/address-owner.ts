import { parseIpAddress } from './ip-address.ts';

/**
 * Whom an address stands for where something is counted: of IPv6 its /64, since whoever has one address of it has
 * all (`2001:db8:1:2::/64`). Equal for all spellings; `::ffff:1.2.3.4` is `1.2.3.4`. A text that is no address
 * stands for itself.
 */
export function addressOwner(address: string): string {
  if (!address.includes(':')) return address;
  const value = parseIpAddress(address);
  if (value === undefined) return address;
  if (typeof value === 'number') return [24, 16, 8, 0].map((shift) => (value >>> shift) & 0xff).join('.');
  const groups = [112n, 96n, 80n, 64n].map((shift) => ((value >> shift) & 0xffffn).toString(16));
  // RFC 5952: `::` takes the place of the longest run of zeros, which is always the one at the end.
  while (groups.at(-1) === '0') groups.pop();
  return `${groups.join(':')}::/64`;
}
