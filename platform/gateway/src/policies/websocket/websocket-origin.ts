import type { Step } from '../../exchange.ts';
import { fieldValue } from '../../wire/rules/fields.ts';
import type { Refusal } from '../../wire/rules/refusal.ts';

const ORIGIN_REFUSED: Refusal = { status: 403, code: 'origin-not-allowed' };

/**
 * A page of another origin must not open a WebSocket with the user's cookies: the origin's host and port must
 * be those of `Host`, or the origin be listed (`*` = any). No `Origin` is no browser, and passes.
 */
export function compileWebSocketOrigin(allowed: readonly string[]): Step | undefined {
  if (allowed.includes('*')) return undefined;
  const listed = new Set(allowed.map((origin) => origin.toLowerCase()));
  return ({ request: { handshake, fields, host } }) => {
    if (handshake !== 'websocket') return undefined;
    const origin = fieldValue(fields, 'origin')?.toLowerCase();
    if (origin === undefined || listed.has(origin)) return undefined;
    return isSameHost(origin, host.toLowerCase()) ? undefined : ORIGIN_REFUSED;
  };
}

const SCHEMES = [
  { prefix: 'https://', defaultPort: ':443' },
  { prefix: 'http://', defaultPort: ':80' },
] as const;

/** The scheme is the browser's view, TLS may end before the gateway: its default port may be left out. */
function isSameHost(origin: string, host: string): boolean {
  for (const { prefix, defaultPort } of SCHEMES) {
    if (origin.startsWith(prefix))
      return withoutPort(origin.slice(prefix.length), defaultPort) === withoutPort(host, defaultPort);
  }
  return false;
}

function withoutPort(authority: string, port: string): string {
  return authority.endsWith(port) ? authority.slice(0, -port.length) : authority;
}
