import assert from 'node:assert/strict';
import type { LookupAddress } from 'node:dns';
import { once } from 'node:events';
import { connect, createServer, type LookupFunction } from 'node:net';
import { describe, it } from 'node:test';
import { createCheckedLookup } from './checked-lookup.ts';

const answering =
  (found: string | LookupAddress[]): LookupFunction =>
  (_hostname, _options, callback) =>
    callback(null, found, 4);

function look(lookup: LookupFunction): Promise<unknown> {
  return new Promise((resolve, reject) =>
    createCheckedLookup(lookup)('orders.internal', { all: true }, (error, found) =>
      error === null ? resolve(found) : reject(error),
    ),
  );
}

describe('what the name of an instance resolves to', () => {
  it('is called when it is an ordinary address, private ones too', async () => {
    assert.equal(await look(answering('10.0.0.7')), '10.0.0.7');
    const both = [
      { address: '192.168.1.1', family: 4 },
      { address: 'fd12::1', family: 6 },
    ];
    assert.deepEqual(await look(answering(both)), both);
  });

  it('is not called when any of it is link-local or where a cloud keeps its credentials', async () => {
    for (const address of ['169.254.169.254', 'fe80::1', '::ffff:169.254.169.254', 'fd00:ec2::254'])
      for (const found of [
        address,
        [
          { address: '10.0.0.7', family: 4 },
          { address, family: address.includes(':') ? 6 : 4 },
        ],
      ])
        await assert.rejects(look(answering(found)), /must not be called/);
  });

  it('leaves the errors of the system as they are', async () => {
    const away = Object.assign(new Error('no such name'), { code: 'ENOTFOUND' });
    await assert.rejects(
      look((_hostname, _options, callback) => callback(away, [])),
      { code: 'ENOTFOUND' },
    );
  });

  it('is what a connection is made to', async () => {
    const server = createServer((socket) => socket.end('hello')).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number }; // a TCP server that listens
    const socket = connect({ host: 'localhost', port, lookup: createCheckedLookup() });
    const [bytes] = await once(socket, 'data');
    assert.equal(String(bytes), 'hello');
    socket.destroy();
    const refused = connect({
      host: 'orders.internal',
      port,
      lookup: createCheckedLookup(answering('169.254.1.1')),
    });
    const [error] = await once(refused, 'error');
    assert.match(String(error), /must not be called/);
    server.close();
  });
});
