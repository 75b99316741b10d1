/** A host as URLs and the field `Host` write it: an IPv6 address in brackets. */
export function hostInUrl(host: string): string {
  return host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
}

/** `::ffff:1.2.3.4`, as a socket for both versions names an IPv4 peer, is `1.2.3.4`; all others stay. */
export function withoutMapping(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/i, '');
}
