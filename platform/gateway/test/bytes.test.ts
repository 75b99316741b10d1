import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, it } from 'node:test';
import { bodyOf, createTestBed, routeTo, sendRaw } from './gateway.ts';

// Bytes that browsers send although no grammar of URLs or fields has them.

const bed = createTestBed();
afterEach(() => bed.close());

const CAFE = Buffer.from('caf\u00e9').toString('latin1');
const H2C = { DownstreamHttpVersion: '2.0', DownstreamHttpVersionPolicy: 'RequestVersionExact' };

/** Says back what it got, byte by byte, over HTTP/1.1 and HTTP/2. */
async function backends(): Promise<readonly (readonly [name: string, port: number, keys: object])[]> {
  const one = await bed.backend(({ headers, url }, response) => {
    response.end(JSON.stringify([headers.cookie, headers['x-name'], url]));
  });
  const two = createHttp2Server().on('stream', (stream, headers) => {
    stream.respond({ ':status': 200 });
    stream.end(JSON.stringify([headers.cookie, headers['x-name'], headers[':path']]));
  });
  two.listen(0, '127.0.0.1');
  await once(two, 'listening');
  bed.defer(() => two.close());
  const { port } = two.address() as AddressInfo;
  return [
    ['HTTP/1.1', one, {}],
    ['HTTP/2', port, H2C],
  ];
}

describe('a byte from 0x80', () => {
  it('passes in cookies whatever it is, and nowhere else', async () => {
    for (const [name, port, keys] of await backends()) {
      const { url } = await bed.start({ Routes: [routeTo(port, '/x', keys)] });
      const ask = (cookie: string, field: string) =>
        sendRaw(url, `GET /x HTTP/1.1\r\nHost: h\r\nCookie: ${cookie}\r\nX-Name: ${field}\r\n\r\n`, 100);
      for (const cookie of [`sid=1; n=${CAFE}`, 'n=\xe9', '\xff'])
        assert.match(await ask(cookie, 'a'), /^HTTP\/1\.1 200 /, `${name} ${cookie}`);
      for (const [cookie, field] of [
        ['a', CAFE],
        ['a', '\xe9'],
        ['a\x7f', 'a'],
        ['a\x00', 'a'],
      ] as const)
        assert.match(await ask(cookie, field), /^HTTP\/1\.1 400 /, JSON.stringify([cookie, field]));
    }
  });

  it('arrives as it was sent, by every pair of versions', async () => {
    for (const [name, port, keys] of await backends()) {
      const gateway = await bed.start(
        { Routes: [routeTo(port, '/x', keys)] },
        { listen: { cleartext: 'h2c' } },
      );
      const session = connectHttp2(gateway.url);
      bed.defer(() => session.destroy());
      const stream = session.request({ ':path': '/x', cookie: `n=${CAFE}\xff` });
      const text = String(await bodyOf(stream));
      assert.equal((JSON.parse(text) as readonly string[])[0], `n=${CAFE}\xff`, name);
      const refused = session.request({ ':path': '/x', 'x-name': CAFE });
      const [head] = await once(refused, 'response');
      assert.equal(head[':status'], 400);
    }
  });

  it('is compared by templates as the file writes it, and goes into a URL as that byte', async () => {
    const port = await bed.backend(({ url }, response) => response.end(url));
    const { url } = await bed.start({
      Routes: [
        routeTo(port, '/x', {
          UpstreamHeaderTemplates: { Cookie: 'who={header:who}\u00e9' },
          DownstreamPathTemplate: '/named/{who}',
        }),
        routeTo(port, '/x', {}),
      ],
    });
    const ask = (who: string) =>
      sendRaw(url, `GET /x HTTP/1.1\r\nHost: h\r\nCookie: who=${who}\r\n\r\n`, 100);
    assert.match(await ask(CAFE), /\/named\/caf$/);
    assert.match(await ask(`${CAFE}${CAFE}`), /\/named\/caf%C3%A9caf$/);
    assert.match(await ask('cafe'), /\/x$/);
  });
});

it('brackets of a path and backslashes of a query arrive as browsers send them', async () => {
  for (const [name, port, keys] of await backends()) {
    const { url } = await bed.start({ Routes: [routeTo(port, '/{rest}', keys)] });
    for (const target of ['/a[1]|^.json', '/x?path=C:\\temp'])
      assert.ok(
        (await sendRaw(url, `GET ${target} HTTP/1.1\r\nHost: h\r\nCookie: a\r\n\r\n`, 100)).includes(
          JSON.stringify(target),
        ),
        `${name} ${target}`,
      );
  }
});
