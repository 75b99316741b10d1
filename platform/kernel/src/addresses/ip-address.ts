/** An IPv4 address as an unsigned number, an IPv6 address as a bigint. `::ffff:1.2.3.4` is IPv4. */
export type IpAddress = number | bigint;

/** `undefined` = the text is no address. A zone (`fe80::1%eth0`) is left out: it says where, not who. */
export function parseIpAddress(text: string): IpAddress | undefined {
  if (!text.includes(':')) return parseIpv4(text);
  const zone = text.indexOf('%');
  const value = parseIpv6(zone === -1 ? text : text.slice(0, zone));
  if (value === undefined) return undefined;
  return value >> 32n === 0xffffn ? Number(value & 0xffff_ffffn) : value;
}

/** Four decimal numbers without leading zeros, which some readers take for octal. */
function parseIpv4(text: string): number | undefined {
  if (text.length < 7 || text.length > 15) return undefined;
  let address = 0;
  let octet = -1;
  let dots = 0;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code === 46) {
      if (octet === -1) return undefined;
      address = address * 256 + octet;
      octet = -1;
      dots += 1;
      continue;
    }
    if (code < 48 || code > 57 || octet === 0) return undefined;
    octet = (octet === -1 ? 0 : octet * 10) + code - 48;
    if (octet > 255) return undefined;
  }
  return dots === 3 && octet !== -1 ? address * 256 + octet : undefined;
}

const MAX_IPV6_TEXT = 45;

function parseIpv6(text: string): bigint | undefined {
  if (text.length > MAX_IPV6_TEXT) return undefined;
  const lastColon = text.lastIndexOf(':');
  if (text.includes('.', lastColon)) {
    const tail = parseIpv4(text.slice(lastColon + 1));
    if (tail === undefined) return undefined;
    const high = (tail >>> 16).toString(16);
    return parseIpv6(`${text.slice(0, lastColon + 1)}${high}:${(tail & 0xffff).toString(16)}`);
  }
  const [left = '', right, ...more] = text.split('::');
  if (more.length > 0) return undefined;
  const head = parseGroups(left);
  const tail = right === undefined ? [] : parseGroups(right);
  if (head === undefined || tail === undefined) return undefined;
  const missing = 8 - head.length - tail.length;
  if (right === undefined ? missing !== 0 : missing < 1) return undefined;
  let value = 0n;
  for (const group of [...head, ...Array<number>(missing).fill(0), ...tail])
    value = (value << 16n) | BigInt(group);
  return value;
}

function parseGroups(text: string): readonly number[] | undefined {
  if (text === '') return [];
  const groups: number[] = [];
  for (const group of text.split(':')) {
    if (!/^[0-9a-f]{1,4}$/i.test(group)) return undefined;
    groups.push(Number.parseInt(group, 16));
  }
  return groups;
}
