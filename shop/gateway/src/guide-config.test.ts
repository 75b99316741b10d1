import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { it, type TestContext } from 'node:test';
import { createRevocations } from '@flotilla/auth';
import { createTestIssuer } from '@flotilla/auth/testing';
import { createStaticResolver } from '@flotilla/discovery';
import { hostsAsServices, readGatewayConfig } from '@flotilla/gateway';
import { createMetrics, silentLogger } from '@flotilla/telemetry';
import { createShopGateway, shopService } from './app.ts';

const EXAMPLE = new URL('../examples/ocelot.json', import.meta.url);

/** Stands for a service of the shop: says what it was asked, and shows the issuer's keys. */
async function startService(t: TestContext, name: string, jwks: object): Promise<string> {
  const server = createServer((request, response) => {
    response.setHeader('content-type', 'application/json');
    const isKeys = request.url === '/identity/jwks';
    response.end(JSON.stringify(isKeys ? jwks : { name, url: request.url }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return `127.0.0.1:${(server.address() as { readonly port: number }).port}`; // a TCP server that listens
}

it('an ocelot.json for a cluster runs unchanged in front of the shop', async (t) => {
  const issuer = createTestIssuer();
  const names = ['identity', 'order', 'inventory'];
  const addresses = await Promise.all(
    names.map(async (name) => [name, [await startService(t, name, issuer.jwks)]] as const),
  );
  const config = readGatewayConfig(await readFile(EXAMPLE, 'utf8'), {
    registered: { providers: ['Bearer'], discovery: true },
  });
  const gateway = createShopGateway({
    config: hostsAsServices(config, shopService),
    resolver: createStaticResolver(Object.fromEntries(addresses)),
    issuer: issuer.issuer,
    audience: issuer.audience,
    revocations: createRevocations(),
    logger: silentLogger,
    metrics: createMetrics(),
  });
  t.after(() => gateway.close());
  const { url } = await gateway.listen({ host: '127.0.0.1', port: 0, adminPort: 0 });
  const token = await issuer.sign();
  const get = (path: string, headers: Record<string, string> = {}) => fetch(url + path, { headers });

  const orders = await get('/orders/o-1', { authorization: `Bearer ${token}` });
  assert.deepEqual(await orders.json(), { name: 'order', url: '/api/orders/o-1' });
  assert.equal(orders.headers.get('x-ratelimit-limit'), '100');
  assert.equal((await get('/orders/o-1')).status, 401);
  const products = await get('/products?limit=5');
  assert.deepEqual(await products.json(), { name: 'inventory', url: '/api/products?limit=5' });
});
