import { isIPv4, isIPv6 } from 'node:net';

const METADATA_NAMES: ReadonlySet<string> = new Set([
  'metadata',
  'metadata.google.internal',
  'instance-data',
  'instance-data.ec2.internal',
]);
const METADATA_IPV6 = 'fd00:ec2::254';
const NAME = /^[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,252}[A-Za-z0-9_])?\.?$/;

/**
 * May a host that discovery names be called? Link-local addresses are where clouds keep the credentials of the
 * machine; no service lives there. Names that only look like a number (`0xA9FEA9FE`) are resolved to addresses
 * by the system, so they are refused too. What a name resolves to is not looked at here.
 */
export function isCallable(host: string): boolean {
  if (isIPv4(host)) return !host.startsWith('169.254.');
  const bare = host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host;
  if (isIPv6(bare)) return isCallableIpv6(bare);
  if (!NAME.test(host)) return false;
  const lower = host.toLowerCase().replace(/\.$/, '');
  const lastLabel = lower.slice(lower.lastIndexOf('.') + 1);
  return !/^(?:\d+|0x[0-9a-f]*)$/.test(lastLabel) && !METADATA_NAMES.has(lower);
}

function isCallableIpv6(host: string): boolean {
  const canonical = new URL(`http://[${host.split('%')[0] ?? ''}]`).hostname.slice(1, -1);
  if (/^fe[89ab][0-9a-f]:/.test(canonical) || canonical === METADATA_IPV6) return false;
  // IPv4 in disguise: mapped, compatible, NAT64. 169.254 is a9fe.
  return !/^(?:::ffff:|::|64:ff9b::)a9fe:[0-9a-f]{1,4}$/.test(canonical);
}
