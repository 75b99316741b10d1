/** The library that identity is built on, as it comes: state in memory, one process, no transactions. */

import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import Provider from 'oidc-provider';
import { runProgram } from '../program.ts';

const RESOURCE = 'urn:flotilla:api';
const CLIENTS = [
  {
    client_id: 'order-service',
    id_token_signed_response_alg: 'ES256',
    client_secret: 'order-service-secret',
    grant_types: ['client_credentials'],
    response_types: [],
    redirect_uris: [],
  },
  {
    client_id: 'web-app',
    id_token_signed_response_alg: 'ES256',
    client_secret: 'web-app-secret',
    grant_types: ['authorization_code', 'refresh_token'],
    redirect_uris: ['https://localhost:5001/callback'],
  },
];

await runProgram(async ({ families }: { readonly families: number }) => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const jwk = { ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'ES256' };
  const server = createServer((req, res) => void callback(req, res));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const provider = new Provider(`http://127.0.0.1:${port}`, {
    clients: CLIENTS as never,
    jwks: { keys: [jwk] } as never,
    scopes: ['openid', 'offline_access'],
    rotateRefreshToken: true,
    expiresWithSession: () => false,
    findAccount: (_ctx: unknown, id: string) => ({ accountId: id, claims: () => ({ sub: id }) }),
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => RESOURCE,
        useGrantedResource: () => true,
        getResourceServerInfo: () => ({
          scope: 'inventory.read orders.read',
          audience: 'flotilla',
          accessTokenFormat: 'jwt',
          jwt: { sign: { alg: 'ES256' } },
        }),
      },
    },
  } as never);
  const callback = provider.callback();

  async function begin(n: number): Promise<string> {
    const client = await provider.Client.find('web-app');
    const accountId = `customer-${n}`;
    const grant = new provider.Grant({ accountId, clientId: 'web-app' });
    grant.addOIDCScope('openid offline_access');
    grant.addResourceScope(RESOURCE, 'orders.read');
    const grantId = await grant.save();
    const scope = 'openid offline_access orders.read';
    const token = new provider.RefreshToken({
      ...{ accountId, client, grantId, scope, resource: RESOURCE, gty: 'authorization_code' },
    } as never);
    return await token.save();
  }
  const refreshTokens = await Promise.all(Array.from({ length: families }, (_, n) => begin(n)));

  return {
    commands: { facts: async () => ({ url: `http://127.0.0.1:${port}`, refreshTokens }) },
    close: async () => {
      server.closeAllConnections();
      server.close();
    },
  };
});
