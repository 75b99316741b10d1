import { isIPv4, isIPv6 } from 'node:net';

/**
 * The address to count failed logins by. Behind the gateway the peer is the gateway; the last entry of
 * `X-Forwarded-For` is the one the gateway added itself, everything before it is the client's own claim.
 * One customer owns a whole IPv6 /64, so that is what counts.
 */
export function clientAddress(peer: string, forwardedFor: string | undefined): string {
  const last = forwardedFor?.split(',').at(-1)?.trim() ?? '';
  const address = (isIPv4(last) || isIPv6(last) ? last : peer).replace(/^::ffff:(?=\d+\.)/i, '');
  return isIPv6(address) ? `${network64(address)}::/64` : address;
}

function network64(address: string): string {
  const [head = '', tail] = address.toLowerCase().split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros =
    tail === undefined ? [] : Array<string>(Math.max(0, 8 - before.length - after.length)).fill('0');
  return [...before, ...zeros, ...after]
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':');
}
