import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { eventually } from '@flotilla/kernel/testing';
import { echo, request, startServer, type TestServer } from '../../../../test/http1-client.ts';

const CHUNKED = 'Transfer-Encoding: chunked\r\n';
const SEEDS = [
  request('/a'),
  request('/a?b=c', 'Content-Length: 5\r\n', 'hello', 'POST'),
  request('/a', CHUNKED, '5;x="y"\r\nhello\r\n0\r\nT: 1\r\n\r\n', 'POST'),
  request('/a', 'Expect: 100-continue\r\nContent-Length: 5\r\n', 'hello', 'PUT'),
  request('/a', 'Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n'),
  'GET http://h/a HTTP/1.0\r\nHost: h\r\nConnection: keep-alive\r\n\r\n',
];
const FRAGMENTS = [
  '\r\n',
  '\n',
  '\r',
  '\0',
  ' ',
  '\t',
  ':',
  ';',
  '%',
  '/..',
  '\u00ff',
  '0\r\n\r\n',
  'ffffffffffffffff\r\n',
  'Content-Length: 9\r\n',
  CHUNKED,
  'Host: x\r\n',
  'GET /b HTTP/1.1\r\nHost: h\r\n\r\n',
  'x'.repeat(9_000),
];
const ALLOWED = new Set([100, 200, 204, 400, 405, 408, 413, 414, 416, 417, 431, 501, 505]);

let server: TestServer;
before(async () => {
  server = await startServer(echo, { limits: { headMs: 100, idleMs: 100, bodyStallMs: 100, lingerMs: 50 } });
});
after(() => server.close());

it('mutated requests get an answer to themselves, a refusal or the end of the connection, and harm nobody', async () => {
  let seed = 20_251_125;
  const random = (below: number) => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return (seed >> 8) % below;
  };
  const pick = (list: readonly string[]) => list[random(list.length)] ?? '';
  function mutated(): string {
    let text = pick(SEEDS);
    for (let change = random(4); change >= 0; change -= 1) {
      const at = random(text.length + 1);
      const rest = text.slice(at + random(4) * random(2));
      const bytes = random(2) === 0 ? pick(FRAGMENTS) : String.fromCharCode(random(256));
      text = text.slice(0, at) + bytes + rest;
    }
    return text + (random(2) === 0 ? pick(SEEDS) : '');
  }
  async function attack(): Promise<void> {
    const text = mutated();
    const { send, socket, closed } = await server.client();
    const cut = random(text.length);
    send(text.slice(0, cut));
    await new Promise((resolve) => setImmediate(resolve));
    send(text.slice(cut));
    if (random(3) === 0) socket.end();
    const answers = await closed().catch((cause) => {
      throw new Error(JSON.stringify(text), { cause });
    });
    for (const [, status] of answers.matchAll(/HTTP\/1\.1 (\d+)/g))
      assert.ok(ALLOWED.has(Number(status)), `${status} to ${JSON.stringify(text)}`);
    assert.match(answers, /^(?:$|HTTP\/1\.1 )/, JSON.stringify(text));
  }
  for (let round = 0; round < 40; round += 1) await Promise.all(Array.from({ length: 25 }, attack));
  assert.deepEqual(server.faults, []);
  const { send, until } = await server.client();
  send(request('/alive'));
  await until(/GET \/alive ;$/);
  await eventually('nothing is left open', () => server.listener.connections() <= 1);
});
