import { isIPv6 } from 'node:net';
import { parseDigits, REG_NAME } from './characters.ts';

/** `host[:port]`: a name, an IPv4 address, or an IPv6 address in brackets without zone. */
export function isHost(value: string): boolean {
  let at = 0;
  if (value.startsWith('[')) {
    const end = value.indexOf(']');
    const address = value.slice(1, Math.max(end, 1));
    if (!isIPv6(address) || address.includes('%')) return false;
    at = end + 1;
  } else {
    while (at < value.length && REG_NAME[value.charCodeAt(at)] === 1) at += 1;
    if (at === 0) return false;
  }
  return at === value.length || (value[at] === ':' && isPort(value.slice(at + 1)));
}

function isPort(text: string): boolean {
  const port = text.length <= 5 ? parseDigits(text) : -1;
  return port >= 1 && port <= 65_535;
}
