import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type IncomingMessage, type ServerResponse, request as send } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { brotliDecompressSync, createGunzip, gunzipSync } from 'node:zlib';
import { eventually } from '@flotilla/kernel/testing';
import { problemsOf, ROUTE } from '../../../test/config.ts';
import { createTestBed, routeTo } from '../../../test/gateway.ts';
import { chooseCoding } from './coding.ts';

const bed = createTestBed();
after(() => bed.close());

const TEXT = 'Once upon a time there was a gateway. '.repeat(100);
const CompressionOptions = {};

/** `fetch` would decode. */
async function ask(url: string, headers: Record<string, string> = {}, method = 'GET') {
  const sent = send(url, {
    method,
    headers: { 'accept-encoding': 'gzip, br', ...headers },
    agent: false,
  }).end();
  const [answer] = (await once(sent, 'response')) as [IncomingMessage];
  return { headers: answer.headers, status: answer.statusCode, body: await buffer(answer) };
}

const ANSWERS: Record<string, (response: ServerResponse, request: IncomingMessage) => void> = {
  '/plain': (response) => response.setHeader('etag', '"1"').setHeader('accept-ranges', 'bytes').end(TEXT),
  '/unknown-length': (response) => {
    response.write(TEXT);
    response.end(TEXT);
  },
  '/small': (response) => response.end('small'),
  '/coded': (response) => response.setHeader('content-encoding', 'gzip').end(TEXT),
  '/no-transform': (response) => response.setHeader('cache-control', 'public, no-transform').end(TEXT),
  '/part': (response) => response.writeHead(206, { 'content-range': 'bytes 0-3799/9999' }).end(TEXT),
  '/digest': (response) => response.setHeader('repr-digest', 'sha-256=:AAAA:').end(TEXT),
  '/image': (response) => response.setHeader('content-type', 'image/png').end(TEXT),
  '/cookie': (response) => response.setHeader('set-cookie', 'a=b').end(TEXT),
  '/vary': (response) => response.setHeader('vary', 'Origin').end(TEXT),
  '/unchanged': (response) => response.writeHead(304, { etag: '"1"' }).end(),
  '/cached': (response) => response.setHeader('cache-control', 'max-age=60').end(TEXT),
};

describe('compression', () => {
  let url: string;
  let plainUrl: string;
  before(async () => {
    const port = await bed.backend((request, response) => {
      response.setHeader('content-type', 'text/plain; charset=utf-8');
      ANSWERS[request.url ?? '']?.(response, request);
    });
    const AuthenticationOptions = { AuthenticationProviderKey: 'Bearer' };
    url = await bed.gateway({
      Routes: [
        routeTo(port, '/cached', { CompressionOptions, CacheOptions: { TtlSeconds: 60 } }),
        routeTo(port, '/mine', {
          ...{ CompressionOptions: { WithCredentials: true }, AuthenticationOptions },
          DownstreamPathTemplate: '/plain',
        }),
        routeTo(port, '/{all}', { CompressionOptions }),
      ],
    });
    plainUrl = await bed.gateway({ Routes: [routeTo(port, '/{all}')] });
  });

  it('is by what the client takes, and says so to whoever stores the answer', async () => {
    for (const path of ['/plain', '/unknown-length']) {
      const brotli = await ask(url + path);
      assert.equal(brotli.headers['content-encoding'], 'br');
      assert.equal(brotli.headers.vary, 'Accept-Encoding');
      assert.match(brotliDecompressSync(brotli.body).toString(), /^Once .*gateway\. $/s);
      const gzip = await ask(url + path, { 'accept-encoding': 'gzip, br;q=0.5' });
      assert.equal(gzip.headers['content-encoding'], 'gzip');
      assert.ok(gzip.body.length < 500);
      assert.match(gunzipSync(gzip.body).toString(), /^Once .*gateway\. $/s);
      const plain = await ask(url + path, { 'accept-encoding': 'identity' });
      assert.equal(plain.headers['content-encoding'], undefined);
      assert.equal(plain.headers.vary, 'Accept-Encoding', 'another client would get another one');
    }
    assert.equal((await ask(`${url}/vary`)).headers.vary, 'Origin, Accept-Encoding');
  });

  it('weakens tags, and gives no parts of what is no longer there', async () => {
    const { headers } = await ask(`${url}/plain`);
    assert.equal(headers.etag, 'W/"1"');
    assert.equal(headers['accept-ranges'], undefined);
    assert.equal((await ask(`${url}/plain`, { 'accept-encoding': '' })).headers.etag, '"1"');
    assert.equal((await ask(`${url}/unchanged`)).headers.etag, 'W/"1"');
  });

  it('answers HEAD with the head of GET', async () => {
    const { headers, body } = await ask(`${url}/plain`, {}, 'HEAD');
    assert.equal(headers['content-encoding'], 'br');
    assert.equal(headers['content-length'], undefined);
    assert.equal(body.length, 0);
  });

  it('leaves alone what must stay, or gains nothing', async () => {
    for (const path of ['/small', '/no-transform', '/part', '/digest', '/image']) {
      const { headers, body } = await ask(url + path);
      assert.equal(headers['content-encoding'], undefined, path);
      assert.equal(headers.vary, undefined, path);
      assert.ok(body.length === TEXT.length || path === '/small');
    }
    const coded = await ask(`${url}/coded`);
    assert.equal(coded.body.toString(), TEXT, 'its coding is the back end’s business');
    assert.equal((await ask(`${plainUrl}/plain`)).headers['content-encoding'], undefined, 'off by default');
  });

  it('is for nobody whose secrets are in the answer, unless the route says so', async () => {
    for (const headers of [{ cookie: 'a=b' }, { authorization: 'Bearer x' }])
      assert.equal((await ask(`${url}/plain`, headers)).headers['content-encoding'], undefined);
    assert.equal((await ask(`${url}/cookie`)).headers['content-encoding'], undefined);
    const authorization = `Bearer ${await bed.issuer.sign()}`;
    assert.equal((await ask(`${url}/mine`, { authorization })).headers['content-encoding'], 'br');
  });

  it('is done anew for each client of the cache', async () => {
    for (const [coding, decode] of [
      ['br', brotliDecompressSync],
      ['gzip', gunzipSync],
      ['br', brotliDecompressSync],
    ] as const) {
      const { headers, body } = await ask(`${url}/cached`, { 'accept-encoding': coding });
      assert.equal(headers['content-encoding'], coding);
      assert.equal(decode(body).toString(), TEXT);
    }
    assert.equal((await ask(`${url}/cached`, { 'accept-encoding': '' })).body.toString(), TEXT);
  });

  it('gives an event stream piece by piece', async () => {
    let stream: ServerResponse | undefined;
    const port = await bed.backend((_, response) => {
      stream = response.writeHead(200, { 'content-type': 'text/event-stream' });
      stream.write('data: one\n\n');
    });
    const gateway = await bed.gateway({ Routes: [routeTo(port, '/events', { CompressionOptions })] });
    const sent = send(`${gateway}/events`, { headers: { 'accept-encoding': 'gzip' }, agent: false }).end();
    const [answer] = (await once(sent, 'response')) as [IncomingMessage];
    assert.equal(answer.headers['content-encoding'], 'gzip');
    let seen = '';
    answer.pipe(createGunzip()).on('data', (chunk) => {
      seen += chunk;
    });
    await eventually('the first event is there', () => seen === 'data: one\n\n');
    stream?.write('data: two\n\n');
    await eventually('the second event is there', () => seen.endsWith('data: two\n\n'));
    sent.destroy();
    await eventually('the back end is told', () => stream?.destroyed === true);
  });

  it('holds a back end back when the client takes nothing, and ends with either of them', async () => {
    const chunk = randomBytes(65_536).toString('base64');
    let written = 0;
    let isClosed = false;
    const port = await bed.backend((request, response) => {
      response.setHeader('content-type', 'text/plain');
      response.on('close', () => {
        isClosed = true;
      });
      const more = () => {
        while (!response.destroyed && response.write(chunk)) written += chunk.length;
        written += chunk.length;
        if (request.url === '/broken' && written > 1e6) response.destroy();
        else response.once('drain', more);
      };
      more();
    });
    const gateway = await bed.gateway({ Routes: [routeTo(port, '/{all}', { CompressionOptions })] });
    const sent = send(`${gateway}/slow`, { headers: { 'accept-encoding': 'gzip' }, agent: false }).end();
    const [answer] = (await once(sent, 'response')) as [IncomingMessage];
    let last = -1;
    let still = 0;
    await eventually('the back end stands still', () => {
      still = written === last ? still + 1 : 0;
      last = written;
      return still > 5;
    });
    assert.ok(written < 64e6, `${written} bytes were taken from the back end`);
    answer.destroy();
    await eventually('the back end is told', () => isClosed);
    written = 0;
    await assert.rejects(ask(`${gateway}/broken`), 'a part is never taken for the whole');
  });

  it('knows what a client prefers', () => {
    for (const [accept, coding] of [
      [undefined, undefined],
      ['', undefined],
      ['gzip', 'gzip'],
      ['GZIP, BR', 'br'],
      ['br;q=0.1, gzip;q=0.2', 'gzip'],
      ['*', 'br'],
      ['*;q=0.5, br;q=0', 'gzip'],
      ['identity, gzip;q=0.5', undefined],
      ['gzip;q=0', undefined],
      ['gzip;q=x', undefined],
      ['deflate, zstd', undefined],
    ] as const)
      assert.equal(chooseCoding(accept, ['br', 'gzip']), coding, accept);
  });

  it('is refused with codings that are not there', () => {
    const [problem] = problemsOf({
      Routes: [{ ...ROUTE, CompressionOptions: { Codings: ['zstd'], Types: ['x'] } }],
    });
    assert.match(problem ?? '', /^Routes\[0\]\.CompressionOptions\.Codings: there are br and gzip/);
  });
});
