import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { brotliDecompressSync } from 'node:zlib';
import { createHttpHost, type HttpHost } from '@flotilla/http';
import { systemClock } from '@flotilla/kernel';
import { createMetrics, silentLogger } from '@flotilla/telemetry';
import { createFiles } from './files.ts';

const PAGE = `<!doctype html><title>Shop</title>${'<p>Hello</p>'.repeat(200)}`;

function hostOf(directory: string | undefined): HttpHost {
  const options = {
    directory,
    pages: ['/', '/p/:id'],
    missing: '/not-found',
    files: ['/robots.txt', '/images/'],
  };
  return createHttpHost({
    ...{ service: 'files', handlers: [], readiness: {}, logger: silentLogger, metrics: createMetrics() },
    rawRoutes: createFiles({ ...options, origin: 'https://shop.test', clock: systemClock }),
  });
}

describe('the files of a front end', () => {
  let directory: string;
  let host: HttpHost;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'flotilla-files-'));
    await mkdir(join(directory, 'assets'));
    await writeFile(join(directory, 'index.html'), PAGE);
    await writeFile(join(directory, 'assets', 'app-1a2b.js'), `console.log(1)\n${'// filler\n'.repeat(300)}`);
    await writeFile(join(directory, 'assets', '.env'), 'secret');
    await writeFile(join(directory, 'robots.txt'), 'User-agent: *\n');
    await writeFile(join(directory, 'package.json'), '{}');
    host = hostOf(directory);
  });
  after(async () => {
    await host.close();
    await rm(directory, { recursive: true });
  });

  it('are one document for each declared page, asked for again each time, without a script of its own', async () => {
    for (const url of ['/', '/p/sku-1?ref=mail']) {
      const { statusCode, headers, body } = await host.inject(url);
      assert.equal(statusCode, 200);
      assert.equal(body, PAGE);
      assert.equal(headers['cache-control'], 'no-cache');
      const policy = String(headers['content-security-policy']);
      assert.match(policy, /default-src 'none'; script-src 'self'; style-src 'self'/);
      assert.doesNotMatch(policy, /unsafe/);
      assert.match(String(headers['strict-transport-security']), /max-age=31536000/);
    }
    assert.equal((await host.inject('/nowhere')).statusCode, 404);
  });

  it('are the document for an address that there is not, too, which says so', async () => {
    const { statusCode, headers, body } = await host.inject({
      url: '/not-found',
      headers: { 'if-none-match': '*' },
    });
    assert.deepEqual([statusCode, body, headers['cache-control']], [404, PAGE, 'no-store']);
    assert.match(String(headers['content-security-policy']), /default-src 'none'/);
  });

  it('are kept for a year when their name has a hash, compressed as the client likes', async () => {
    const url = '/assets/app-1a2b.js';
    const plain = await host.inject(url);
    assert.equal(plain.headers['cache-control'], 'public, max-age=31536000, immutable');
    const coded = await host.inject({ url, headers: { 'accept-encoding': 'gzip, br' } });
    assert.equal(coded.headers['content-encoding'], 'br');
    assert.equal(brotliDecompressSync(coded.rawPayload).toString(), plain.body);
    assert.equal(coded.headers.vary, 'Accept-Encoding');
    for (const [accepted, encoding] of [
      ['gzip', 'gzip'],
      ['br;q=0, gzip;q=0.5', 'gzip'],
      ['identity', undefined],
      ['*;q=0', undefined],
    ] as const)
      assert.equal(
        (await host.inject({ url, headers: { 'accept-encoding': accepted } })).headers['content-encoding'],
        encoding,
        accepted,
      );
  });

  it('are not sent again to who has them, and HEAD has no body', async () => {
    const first = await host.inject('/robots.txt');
    const etag = String(first.headers.etag);
    for (const known of [etag, `W/${etag}`, `"x", ${etag}`, '*'])
      assert.equal(
        (await host.inject({ url: '/robots.txt', headers: { 'if-none-match': known } })).statusCode,
        304,
        known,
      );
    const head = await host.inject({ method: 'HEAD', url: '/robots.txt' });
    assert.deepEqual(
      [head.statusCode, head.body, head.headers['content-length']],
      [200, '', first.headers['content-length']],
    );
  });

  it('are what is listed, and nothing else of the folder or beside it', async () => {
    for (const url of [
      ...[
        '/package.json',
        '/assets/.env',
        '/assets/../package.json',
        '/assets/%2e%2e/package.json',
        '/assets/..%2fpackage.json',
      ],
      ...[
        '/assets/',
        '/assets',
        '/index.html',
        '/assets/app-1a2b.js.br',
        '/images/none.png',
        '/assets/a%00.js',
      ],
    ])
      assert.match(String((await host.inject(url)).statusCode), /^40[04]$/, url);
    assert.equal((await host.inject({ method: 'POST', url: '/' })).statusCode, 404);
  });

  it('that are not built are said to be so', async () => {
    for (const none of [undefined, join(directory, 'nowhere')]) {
      const bare = hostOf(none);
      const { statusCode, body, headers } = await bare.inject('/');
      assert.equal(statusCode, 503);
      assert.match(body, /not built yet/);
      assert.equal(headers['retry-after'], '5');
      await bare.close();
    }
  });
});
