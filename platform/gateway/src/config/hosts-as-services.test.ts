import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { hostsAsServices } from './hosts-as-services.ts';
import { readGatewayConfig } from './read-gateway-config.ts';

function targetOf(...hosts: readonly string[]) {
  const route = {
    UpstreamPathTemplate: '/o',
    DownstreamPathTemplate: '/o',
    DownstreamHostAndPorts: hosts.map((Host) => ({ Host, Port: 80 })),
  };
  const config = readGatewayConfig(JSON.stringify({ Routes: [route] }));
  const serviceOf = (host: string) => (host.endsWith('-service') ? host.slice(0, -8) : undefined);
  return hostsAsServices(config, serviceOf).routes[0]?.target;
}

describe('hosts that are names of services', () => {
  it('are looked for in the registry', () => {
    assert.deepEqual(targetOf('order-service'), { kind: 'service', service: 'order', namespace: undefined });
    assert.deepEqual(targetOf('order-service', 'order-service'), {
      kind: 'service',
      service: 'order',
      namespace: undefined,
    });
  });

  it('stay hosts when one of them is none, or they are of different services', () => {
    for (const hosts of [['127.0.0.1'], ['order-service', '127.0.0.1'], ['order-service', 'cart-service']])
      assert.equal(targetOf(...hosts)?.kind, 'hosts', hosts.join());
  });
});
