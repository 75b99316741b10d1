import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type IncomingHttpHeaders, type RequestListener, request } from 'node:http';
import { afterEach, describe, it } from 'node:test';
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { bodyOf, createTestBed, routeTo } from '../../test/gateway.ts';

const bed = createTestBed();
afterEach(() => bed.close());

async function start(parts: Readonly<Record<string, RequestListener>>, global: object = {}) {
  const routes = await Promise.all(
    Object.entries(parts).map(async ([Key, part]) => routeTo(await bed.backend(part), `/${Key}`, { Key })),
  );
  const Aggregates = [{ UpstreamPathTemplate: '/all', RouteKeys: Object.keys(parts) }];
  return await bed.start({ Routes: routes, Aggregates, GlobalConfiguration: global });
}

/** Not `fetch`, which adds fields of its own and takes codings off. */
async function ask(url: string, headers: IncomingHttpHeaders) {
  const [response] = await once(request(`${url}/all`, { headers }).end(), 'response');
  return { status: Number(response.statusCode), text: String(await bodyOf(response)) };
}

/** As back ends with a static file and compression behave. */
const negotiating: RequestListener = ({ headers }, response) => {
  const body = JSON.stringify({ is: 'whole' });
  response.setHeader('etag', '"v1"');
  if (headers['if-none-match'] === '"v1"') response.writeHead(304).end();
  else if (headers['if-match'] === '"v2"' || headers['if-unmodified-since']) response.writeHead(412).end();
  else if (headers['if-modified-since']) response.writeHead(304).end();
  else if (headers.range) response.writeHead(206, { 'content-range': 'bytes 0-3/15' }).end(body.slice(0, 4));
  else if (/gzip/.test(headers['accept-encoding'] ?? ''))
    response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(body));
  else response.end(body);
};

describe('the parts of an aggregate', () => {
  it('are asked for the whole, now and uncoded, whatever the client has or understands', async () => {
    const { url } = await start({ a: negotiating, b: negotiating });
    for (const headers of [
      {},
      { 'accept-encoding': 'gzip, deflate, br, zstd' },
      { range: 'bytes=0-3', 'if-range': '"v1"' },
      { 'if-none-match': '"v1"' },
      { 'if-match': '"v2"' },
      { 'if-modified-since': 'Tue, 01 Dec 2026 00:00:00 GMT' },
      { 'if-unmodified-since': 'Tue, 01 Dec 2026 00:00:00 GMT' },
    ]) {
      const { status, text } = await ask(url, headers);
      assert.equal(status, 200, JSON.stringify(headers));
      assert.equal(text, '{"a":{"is":"whole"},"b":{"is":"whole"}}', JSON.stringify(headers));
    }
  });

  it('keep what else the client says', async () => {
    let seen: IncomingHttpHeaders = {};
    const { url } = await start({
      a: ({ headers }, response) => {
        seen = headers;
        response.end('1');
      },
    });
    await ask(url, { accept: 'application/json', 'accept-language': 'de', cookie: 'a=b', 'x-mine': '1' });
    const { accept, cookie, 'accept-language': language, 'x-mine': mine } = seen;
    assert.deepEqual([accept, cookie, language, mine], ['application/json', 'a=b', 'de', '1']);
    assert.equal(seen['accept-encoding'], 'identity');
  });

  it('are decoded when a back end codes them all the same', async () => {
    const codings = { gzip: gzipSync, deflate: deflateSync, br: brotliCompressSync, zstd: zstdCompressSync };
    for (const [coding, code] of Object.entries(codings)) {
      const { url } = await start({
        a: (_, response) => response.writeHead(200, { 'content-encoding': coding }).end(code('{"coded":1}')),
        b: (_, response) => response.end('2'),
      });
      assert.equal((await ask(url, {})).text, '{"a":{"coded":1},"b":2}', coding);
    }
  });

  it('that cannot be decoded, or would be too large, end the whole with an error of its own', async () => {
    const gzip = { 'content-encoding': 'gzip' };
    const bomb = gzipSync(Buffer.alloc(40 * 2 ** 20));
    for (const [answer, code] of [
      [(_, response) => response.writeHead(200, gzip).end('no gzip'), 'aggregate-part-unreadable'],
      [(_, response) => response.writeHead(200, gzip).end(bomb), 'aggregate-part-too-large'],
      [
        (_, response) => response.writeHead(200, { 'content-encoding': 'gzip, br' }).end('x'),
        'aggregate-part-unreadable',
      ],
      [
        (_, response) => response.writeHead(200, { 'content-encoding': 'toString' }).end('x'),
        'aggregate-part-unreadable',
      ],
    ] satisfies [RequestListener, string][]) {
      const { url } = await start({ a: answer, b: (_, response) => response.end('2') });
      const { status, text } = await ask(url, {});
      assert.deepEqual([status, (JSON.parse(text) as { code: string }).code], [502, code]);
    }
  });
});
