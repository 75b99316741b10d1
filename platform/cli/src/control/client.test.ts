import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it, type TestContext } from 'node:test';
import { dataDirAt } from '../data-dir/data-dir.ts';
import { connectControl } from './client.ts';

describe('who asks the running system', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'flotilla-control-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  async function listen(t: TestContext, server: Server): Promise<void> {
    server.listen(dataDirAt(folder).controlSocket);
    await once(server, 'listening');
    t.after(() => server.close());
  }

  it('is told that nothing runs only when nobody listens', async () => {
    await assert.rejects(connectControl(dataDirAt(folder)).pid(), { code: 'CLI_NOT_RUNNING' });
  });

  for (const [what, said] of [
    ['hangs up', ''],
    ['hangs up in the middle of its answer', 'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"pid":'],
    ['speaks something else', 'hello\r\n'],
  ] as const)
    it(`is told that there is no answer when what runs ${what}`, async (t) => {
      await listen(
        t,
        createServer((socket) => {
          socket.on('error', () => undefined);
          socket.once('data', () => socket.end(said));
        }),
      );
      await assert.rejects(connectControl(dataDirAt(folder)).pid(), { code: 'CLI_NO_ANSWER' });
    });
});
