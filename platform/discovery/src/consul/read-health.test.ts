import assert from 'node:assert/strict';
import { it } from 'node:test';
import { readHealth } from './read-health.ts';

const entry = (node: object | undefined, service: object | undefined) => ({ Node: node, Service: service });
const entries = [
  entry(
    { Node: 'node-1', Address: '10.0.0.1' },
    { ID: 'a', Address: '10.0.0.2', Port: 80, Meta: { zone: 'z' } },
  ),
  entry({ Node: 'n', Address: '10.0.0.9' }, { ID: 'b', Address: '', Port: 81, Tags: ['v2', 7] }),
  entry({ Node: 'n', Datacenter: 'dc1' }, { ID: 'c', Address: 'fd00::1', Port: 82, Weights: { Passing: 5 } }),
  entry({ Node: 'n', Address: '10.0.0.3' }, { Port: 83, Meta: { grpc_port: '90' } }),
  entry({ Node: 'n' }, { ID: 'scheme', Address: 'http://10.0.0.4', Port: 80 }),
  entry({ Node: 'n' }, { ID: 'path', Address: '10.0.0.4/x', Port: 80 }),
  entry({ Node: 'n' }, { ID: 'user', Address: 'me@10.0.0.4', Port: 80 }),
  entry({ Node: 'n' }, { ID: 'no-port', Address: '10.0.0.5', Port: 0 }),
  entry({ Node: 'n' }, { ID: 'negative', Address: '10.0.0.5', Port: -1 }),
  entry({ Node: 'n' }, { ID: 'far', Address: '10.0.0.5', Port: 65_536 }),
  entry({ Node: 'n' }, { ID: 'text', Address: '10.0.0.5', Port: '80' }),
  entry({ Node: 'n' }, { ID: 'behind', Address: '169.254.169.254', Port: 80 }),
  entry(undefined, undefined),
  null,
  'x',
];
const isCallable = (host: string) => !host.startsWith('169.254.');

it('reads addresses, weights, zones and tags, and leaves out what cannot be called', () => {
  assert.deepEqual(readHealth(entries, { service: 'order', isCallable }), [
    { id: '10.0.0.3:83', service: 'order', host: '10.0.0.3', port: 83, grpcPort: 90 },
    { id: 'a', service: 'order', host: '10.0.0.2', port: 80, zone: 'z' },
    { id: 'b', service: 'order', host: '10.0.0.9', port: 81, tags: ['v2'] },
    { id: 'c', service: 'order', host: 'fd00::1', port: 82, weight: 5, zone: 'dc1' },
  ]);
});

it("takes the node's name when that is wanted, and still no address that must not be called behind it", () => {
  const found = readHealth(entries, { service: 'order', usesNodeName: true, isCallable });
  assert.deepEqual(
    found.map(({ host, port }) => `${host}:${port}`),
    ['node-1:80', 'n:81', 'n:82', 'n:83'],
  );
});

it('is not content with something that is no list', () => {
  assert.throws(() => readHealth({ error: 'no leader' }, { service: 'order' }), TypeError);
});
