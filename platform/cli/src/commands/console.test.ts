import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, it, type TestContext } from 'node:test';
import { startTestControl } from '../../test/control.ts';
import { runCommandLine } from '../command-line.ts';

/** A console that lets in who has the token, and shows one page. */
describe('flotilla console', () => {
  const server = createServer(async (request, response) => {
    const sent = await text(request);
    const send = (status: number, body: object, headers: Readonly<Record<string, string>> = {}) =>
      response
        .writeHead(status, { 'content-type': 'application/json', ...headers })
        .end(JSON.stringify(body));
    const isOwn = request.headers.origin === `http://${request.headers.host}`;
    if (request.url === '/api/login' && isOwn && sent === '{"token":"once"}')
      return send(200, {}, { 'set-cookie': 'session=1; Path=/; HttpOnly' });
    if (request.headers.cookie !== 'session=1') return send(401, { message: 'nobody is signed in' });
    if (request.url === '/api/sagas?status=stuck') return send(200, { sagas: [] });
    if (request.url === '/api/overview') return send(200, { windowMs: 1 });
    return send(404, { message: 'there is nothing at this path' });
  });
  let folder: string;
  let control: { close(): void };

  before(async () => {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    folder = await mkdtemp(join(tmpdir(), 'console-command-'));
    const url = `http://127.0.0.1:${port}/#login=once`;
    control = await startTestControl(folder, {
      consoleLink: (role) => ({ url: role === 'operator' ? url : `${url}-${role}` }),
    });
  });
  after(async () => {
    control.close();
    server.close();
    server.closeAllConnections();
    await rm(folder, { recursive: true });
  });

  async function run(t: TestContext, ...line: readonly string[]) {
    const printed: string[] = [];
    const write = (one: string) => void printed.push(one);
    t.mock.method(console, 'log', write);
    t.mock.method(console, 'error', write);
    const words = ['console', ...line, '--data-dir', folder];
    const exitCode = await runCommandLine(words, { cwd: folder, env: {} });
    return { exitCode, output: printed.join('\n') };
  }

  it('prints a link', async (t) => {
    assert.match((await run(t)).output, /^http:\/\/127\.0\.0\.1:\d+\/#login=once$/);
  });

  it('prints a link for somebody who may look and change nothing', async (t) => {
    assert.match((await run(t, '--role', 'viewer')).output, /#login=once-viewer$/);
    assert.match((await run(t, '--role', 'owner')).output, /must be one of viewer, operator, got owner/);
  });

  it('prints what is on a page, filters included', async (t) => {
    const { exitCode, output } = await run(t, '/sagas?status=stuck', '--json');
    assert.deepEqual([exitCode, output], [0, '{"sagas":[]}']);
    assert.match((await run(t, '/')).output, /"windowMs": 1/);
  });

  it('says that there is no such page', async (t) => {
    const { exitCode, output } = await run(t, '/nothing');
    assert.deepEqual([exitCode, output], [1, 'flotilla: /nothing: there is nothing at this path']);
  });
});
