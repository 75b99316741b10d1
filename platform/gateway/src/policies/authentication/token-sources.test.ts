import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { problemsOf } from '../../../test/config.ts';
import { createTestBed, routeTo, sendRaw } from '../../../test/gateway.ts';

const bed = createTestBed();
afterEach(() => bed.close());

const SOURCES = { TokenQuery: 'access_token', TokenCookie: 'session', TokenProtocol: 'bearer' };
const SOCKET = [
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
];
const STREAM = ['Accept: text/event-stream'];

/** Asks with these lines; the status, and what the back end saw. */
async function start(more: object) {
  const port = await bed.backend(({ url, headers }, response) => {
    response.end(JSON.stringify([url, headers.cookie ?? null, headers['sec-websocket-protocol'] ?? null]));
  });
  const { url } = await bed.start({
    Routes: [
      routeTo(port, '/hub', { AuthenticationOptions: { AuthenticationProviderKey: 'Bearer', ...more } }),
    ],
  });
  return async (path: string, lines: readonly string[]) => {
    const text = await sendRaw(
      url,
      `${[`GET ${path} HTTP/1.1`, 'Host: h', ...lines].join('\r\n')}\r\n\r\n`,
      200,
    );
    const [, seen] = /(\["\/.*\])/.exec(text) ?? [];
    return { status: Number(text.slice(9, 12)), seen: seen && (JSON.parse(seen) as unknown), text };
  };
}

describe('the token of a WebSocket or an event stream', () => {
  it('may be where the route says, and goes no further', async () => {
    const token = await bed.issuer.sign({});
    const ask = await start(SOURCES);
    for (const [path, lines, seen] of [
      [`/hub?a=1&access_token=${token}&b=2`, STREAM, ['/hub?a=1&b=2', null, null]],
      [`/hub?access%5Ftoken=${token}`, SOCKET, ['/hub', null, null]],
      ['/hub', [...STREAM, `Cookie: a=b; session=${token}; c=d`], ['/hub', 'a=b; c=d', null]],
      ['/hub', [...SOCKET, `Sec-WebSocket-Protocol: bearer, ${token}, chat`], ['/hub', null, 'chat']],
      ['/hub', [...SOCKET, `Sec-WebSocket-Protocol: bearer, ${token}`], ['/hub', null, null]],
    ] as const) {
      const { status, seen: got, text } = await ask(path, lines);
      assert.deepEqual([status, got], [200, seen], path.slice(0, 30));
      assert.ok(!text.includes(token));
    }
    const alone = await ask('/hub', [...SOCKET, `Sec-WebSocket-Protocol: bearer, ${token}`]);
    assert.match(alone.text, /Sec-WebSocket-Protocol: bearer\r\n/);
  });

  it('is nowhere else, not for other requests, and off by default', async () => {
    const token = await bed.issuer.sign({});
    const ask = await start(SOURCES);
    assert.equal((await ask(`/hub?access_token=${token}`, [])).status, 401);
    assert.equal((await ask('/hub', [`Cookie: session=${token}`])).status, 401);
    assert.equal((await ask(`/hub?token=${token}`, STREAM)).status, 401);
    assert.equal((await ask('/hub?access_token=a%0d%0ab', STREAM)).status, 401);
    const off = await start({});
    for (const [path, lines] of [
      [`/hub?access_token=${token}`, STREAM],
      ['/hub', [...SOCKET, `Sec-WebSocket-Protocol: bearer, ${token}`]],
    ] as const)
      assert.equal((await off(path, lines)).status, 401);
    const AuthenticationOptions = { AuthenticationProviderKey: 'X', TokenCookie: 'a b' };
    assert.match(problemsOf({ Routes: [{ AuthenticationOptions }] }).join(), /TokenCookie: a b is no name/);
  });
});
