import { createHash, timingSafeEqual } from 'node:crypto';
import { accept, type Result, reject } from '@flotilla/kernel';
import type { AccessToken, AccessTokens } from '../access-tokens.ts';

/** The services that may get tokens, by client id. */
export type ServiceClients = Readonly<Record<string, ServiceClient>>;

interface ServiceClient {
  readonly secretSha256: string;
  readonly scopes: readonly string[];
  /** The services that it calls: for those it may exchange the token of a user. Default: none. */
  readonly calls?: readonly string[] | undefined;
}

export interface ServiceTokenRequest {
  readonly clientId: string;
  readonly clientSecret: string;
  readonly scope: string;
}

export interface ServiceTokenDeps {
  readonly clients: ServiceClients;
  readonly accessTokens: AccessTokens;
}

const NOBODY: ServiceClient = { secretSha256: '0'.repeat(64), scopes: [] };

/** A token for a service itself: no user behind it, and no scope it was not given. */
export async function issueServiceToken(
  { clients, accessTokens }: ServiceTokenDeps,
  request: ServiceTokenRequest,
): Promise<Result<AccessToken, 'invalid-client' | 'invalid-scope'>> {
  const known = Object.hasOwn(clients, request.clientId) ? clients[request.clientId] : undefined;
  const client = known ?? NOBODY;
  // Secrets are compared for unknown clients too, so that the time says nothing about which exist.
  const matches = isSecretOf(client, request.clientSecret);
  if (!known || !matches) return reject('invalid-client');

  const wanted = request.scope.split(' ').filter((scope) => scope !== '');
  const allowed = wanted.length > 0 && wanted.every((scope) => client.scopes.includes(scope));
  if (!allowed) return reject('invalid-scope');
  return accept(await accessTokens.forService(request.clientId, [...new Set(wanted)].join(' ')));
}

export function isSecretOf({ secretSha256 }: Pick<ServiceClient, 'secretSha256'>, secret: string): boolean {
  const given = createHash('sha256').update(secret).digest();
  return timingSafeEqual(given, Buffer.from(secretSha256, 'hex'));
}
