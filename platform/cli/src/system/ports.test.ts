import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { defineSystem } from '../config.ts';
import { assignPorts } from './ports.ts';

describe('fixed ports', () => {
  let holder: Server;
  let busy: number;
  before(async () => {
    holder = createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    const address = holder.address();
    busy = typeof address === 'object' && address ? address.port : 0;
  });
  after(() => holder.close());

  const systemAt = (port: number) =>
    defineSystem({
      name: 'test',
      services: { edge: { entry: 'main.ts', port }, inner: { entry: 'main.ts' } },
    });

  it('names a free port when one is taken', async () => {
    await assert.rejects(assignPorts(systemAt(busy), { isolated: false }), (error: Error) => {
      const free = Number(/port (\d+) is free: use --port \1/.exec(error.message)?.[1]);
      assert.ok(error.message.startsWith(`port ${busy} for edge is in use`), error.message);
      assert.match(error.message, /--isolated/);
      return free > busy;
    });
  });

  it('takes free ports for all when the system is isolated', async () => {
    const { edge = 0 } = await assignPorts(systemAt(busy), { isolated: true });
    assert.ok(edge > 0 && edge !== busy);
  });

  it('prefers the port that the user names', async () => {
    const { edge: free = 0 } = await assignPorts(systemAt(busy), { isolated: true });
    assert.deepEqual(await assignPorts(systemAt(busy), { isolated: false, port: free }), { edge: free });
    await assert.rejects(assignPorts(systemAt(free), { isolated: true, port: busy }), {
      code: 'CLI_PORT_BUSY',
    });
  });
});
