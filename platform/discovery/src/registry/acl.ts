import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { accept, type Result, reject } from '@flotilla/kernel';

/** A token, and the services that its bearer may register, report on and deregister. */
export interface RegistryToken {
  /** Shown in refusals, so it is not secret. */
  readonly accessor: string;
  readonly secret: string;
  readonly writes: readonly string[] | 'all';
}

/** Whoever sends a request. */
export interface Caller {
  mayWrite(service: string): boolean;
  /** Consul's text for status 403. */
  refusal(service: string): string;
}

/** Finds out who sends a request; the rejection is Consul's text for status 403. */
export type Identify = (headers: IncomingHttpHeaders) => Result<Caller, string>;

const HINT = 'The anonymous token is used implicitly when a request does not specify a token.';
const ANONYMOUS: Caller = {
  mayWrite: () => false,
  refusal: (service) => `${denied('anonymous token', service)}. ${HINT}`,
};
const ANYBODY: Caller = { mayWrite: () => true, refusal: () => '' };

/** With tokens: everybody reads, and only their bearers write. Without: everybody does both. */
export function createAcl(tokens: readonly RegistryToken[] | undefined): Identify {
  if (tokens === undefined) return () => accept(ANYBODY);
  // Looked up by hash, so that the time it takes tells nothing about the secrets.
  const callers = new Map(tokens.map((token) => [hash(token.secret), bearerOf(token)]));
  return (headers) => {
    const secret = tokenIn(headers);
    if (secret === '') return accept(ANONYMOUS);
    const caller = callers.get(hash(secret));
    return caller === undefined ? reject('ACL not found') : accept(caller);
  };
}

function bearerOf({ accessor, writes }: RegistryToken): Caller {
  return {
    mayWrite: (service) => writes === 'all' || writes.includes(service),
    refusal: (service) => denied(`token with AccessorID '${accessor}'`, service),
  };
}

function denied(who: string, service: string): string {
  return `Permission denied: ${who} lacks permission 'service:write' on "${service}"`;
}

function tokenIn(headers: IncomingHttpHeaders): string {
  const own = headers['x-consul-token'];
  if (typeof own === 'string' && own !== '') return own;
  return /^Bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1] ?? '';
}

function hash(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}
