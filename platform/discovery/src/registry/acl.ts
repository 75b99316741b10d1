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
  mayWrite(kind: WriteKind, name: string): boolean;
  /** Consul's text for status 403. */
  refusal(kind: WriteKind, name: string): string;
}

/** What rules are about: a token for services is for nothing else. */
export type WriteKind = 'service' | 'node' | 'key' | 'session';

/** Finds out who sends a request; the rejection is Consul's text for status 403. */
export type Identify = (headers: IncomingHttpHeaders, query: URLSearchParams) => Result<Caller, string>;

const HINT = 'The anonymous token is used implicitly when a request does not specify a token.';
const ANONYMOUS: Caller = {
  mayWrite: () => false,
  refusal: (kind, name) => `${denied('anonymous token', kind, name)}. ${HINT}`,
};
const ANYBODY: Caller = { mayWrite: () => true, refusal: () => '' };

/** With tokens: everybody reads, and only their bearers write. Without: everybody does both. */
export function createAcl(tokens: readonly RegistryToken[] | undefined): Identify {
  if (tokens === undefined) return () => accept(ANYBODY);
  // Looked up by hash, so that the time it takes tells nothing about the secrets.
  const callers = new Map(tokens.map((token) => [hash(token.secret), bearerOf(token)]));
  return (headers, query) => {
    const secret = tokenIn(headers, query);
    if (secret === '') return accept(ANONYMOUS);
    const caller = callers.get(hash(secret));
    return caller === undefined ? reject('ACL not found') : accept(caller);
  };
}

function bearerOf({ accessor, writes }: RegistryToken): Caller {
  return {
    mayWrite: (kind, name) => writes === 'all' || (kind === 'service' && writes.includes(name)),
    refusal: (kind, name) => denied(`token with AccessorID '${accessor}'`, kind, name),
  };
}

function denied(who: string, kind: WriteKind, name: string): string {
  return `Permission denied: ${who} lacks permission '${kind}:write' on "${name}"`;
}

function tokenIn(headers: IncomingHttpHeaders, query: URLSearchParams): string {
  const own = headers['x-consul-token'];
  if (typeof own === 'string' && own !== '') return own;
  return /^Bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1] ?? query.get('token') ?? '';
}

function hash(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}
