import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { withoutMapping } from '@flotilla/kernel/addresses';

/**
 * Who asks: the address that the gateway names in `X-Real-IP`, or the peer where there is none. The gateway alone knows
 * which load balancers in front of it are trusted, and drops what clients claim. `::ffff:1.2.3.4` is `1.2.3.4`.
 */
export function clientAddressOf({ headers, socket }: IncomingMessage): string {
  const named = headers['x-real-ip'];
  const address = typeof named === 'string' && isIP(named) !== 0 ? named : (socket.remoteAddress ?? '');
  return withoutMapping(address);
}
