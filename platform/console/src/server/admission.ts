import type { IncomingHttpHeaders } from 'node:http';
import { consoleError } from '../errors.ts';

/** On a loopback address browsers keep one jar for all ports: the port is part of the name. */
export function cookieName(port: number): string {
  return `__Host-flotilla-console-${port}`;
}

export function cookieOf(headers: IncomingHttpHeaders, port: number): string {
  const name = `${cookieName(port)}=`;
  const pairs = (headers.cookie ?? '').split(';').map((pair) => pair.trim());
  return pairs.find((pair) => pair.startsWith(name))?.slice(name.length) ?? '';
}

/**
 * A page of another site that has its own name resolve to this machine is stopped here, before anything is looked up: also
 * for what only reads.
 */
export function checkHost({ host = '' }: IncomingHttpHeaders, port: number): void {
  const allowed = ['127.0.0.1', 'localhost', '[::1]'].map((name) => `${name}:${port}`);
  if (!allowed.includes(host.toLowerCase()))
    throw consoleError('CONSOLE_FORBIDDEN', 'this console answers to its own address alone');
}

/** A change comes from a page of this console: of the same origin, and as JSON, which no form of another site can send. */
export function checkOrigin(headers: IncomingHttpHeaders): void {
  const { origin, host, 'sec-fetch-site': site, 'content-type': type = '' } = headers;
  const isSame = origin === `http://${host}` || (origin === undefined && site === 'same-origin');
  if (!isSame) throw consoleError('CONSOLE_FORBIDDEN', 'changes are made by pages of this console alone');
  if (type.split(';')[0]?.trim().toLowerCase() !== 'application/json')
    throw consoleError('CONSOLE_BAD_REQUEST', 'changes are sent as application/json');
}
