import assert from 'node:assert/strict';
import { it } from 'node:test';
import { readHealthResponse } from '../../backends/consul-answer.ts';
import { isCallable } from './callable-address.ts';

it('link-local and metadata addresses are not called, however they are written', () => {
  const refused = [
    '169.254.169.254',
    '169.254.0.1',
    '2852039166',
    '0xA9FEA9FE',
    '0xa9.0xfe.0xa9.0xfe',
    '169.254.43518',
    '0251.0376.0251.0376',
    'fe80::1',
    'FE80::1',
    'fe80::1%eth0',
    'febf::1',
    '::ffff:169.254.169.254',
    '::ffff:a9fe:a9fe',
    '0:0:0:0:0:ffff:a9fe:a9fe',
    '[fe80::1]',
    '::169.254.169.254',
    '64:ff9b::169.254.169.254',
    'fd00:ec2::254',
    'metadata.google.internal',
    'Metadata.Google.Internal.',
    'http://10.0.0.1',
    'a b',
    'user@host',
    'host/path',
    '',
    '1',
  ];
  assert.deepEqual(refused.filter(isCallable), []);
});

it('other addresses and names are', () => {
  const called = [
    '10.0.0.1',
    '127.0.0.1',
    'order',
    'order.internal.',
    'order_1.svc',
    '::1',
    'fd00::1',
    '[::1]',
    'a.1b',
  ];
  assert.deepEqual(
    called.filter((host) => !isCallable(host)),
    [],
  );
});

it("takes the node's name, else the address of the service, and leaves out what cannot be called", () => {
  const entry = (node: object | undefined, service: object | undefined) => ({ Node: node, Service: service });
  const found = readHealthResponse([
    entry({ Node: 'node-1', Address: '10.0.0.1' }, { ID: 'a', Address: '10.0.0.1', Port: 80 }),
    entry({ Address: '10.0.0.9' }, { ID: 'b', Address: '10.0.0.2', Port: 81, Tags: ['v2', 7] }),
    entry({ Address: '10.0.0.3', Datacenter: 'dc1' }, { Address: '', Port: 82, Weights: { Passing: 5 } }),
    entry({ Node: 'n' }, { ID: 'scheme', Address: 'http://10.0.0.4', Port: 80 }),
    entry({ Node: 'n' }, { ID: 'no-port', Address: '10.0.0.5', Port: 0 }),
    entry({ Node: 'n' }, { ID: 'negative', Address: '10.0.0.5', Port: -1 }),
    entry({ Node: 'n' }, { ID: 'far', Address: '10.0.0.5', Port: 65_536 }),
    entry({ Node: 'n' }, { ID: 'text', Address: '10.0.0.5', Port: '80' }),
    entry({ Node: '169.254.169.254' }, { ID: 'local', Address: '10.0.0.6', Port: 80 }),
    entry({ Node: 'n' }, { ID: 'behind', Address: '169.254.169.254', Port: 80 }),
    entry(undefined, undefined),
    null,
    entry({ Node: 'n' }, { ID: 'c', Port: 83, Meta: { zone: 'z' } }),
  ]);
  assert.deepEqual(
    found.map(({ id, host, port, weight, zone, tags }) => [id, host, port, weight, zone, tags]),
    [
      ['a', 'node-1', 80, 1, undefined, []],
      ['b', '10.0.0.2', 81, 1, undefined, ['v2']],
      ['10.0.0.3:82', '10.0.0.3', 82, 5, 'dc1', []],
      ['c', 'n', 83, 1, 'z', []],
    ],
  );
  assert.throws(() => readHealthResponse({ error: 'no leader' }), TypeError);
});
