import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { createTestCertificate } from '../../../test/certificate.ts';
import { assertProblems, problemsFrom, problemsOf, ROUTE } from '../../../test/config.ts';
import { createTestBed, readTestConfig, routeTo } from '../../../test/gateway.ts';
import { checkTlsFiles } from '../../config/check-tls-files.ts';
import { createFileContext } from '../../wire/backend/tls-files.ts';

const bed = createTestBed();
const own = createTestCertificate('gateway');
const other = createTestCertificate('other gateway');
const back = createTestCertificate('back end');
let folder: string;
let files: { readonly certFile: string; readonly keyFile: string; readonly caFile: string };

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flotilla-gateway-'));
  files = {
    certFile: join(folder, 'cert.pem'),
    keyFile: join(folder, 'key.pem'),
    caFile: join(folder, 'ca.pem'),
  };
  await writeFile(files.certFile, own.cert);
  await writeFile(files.keyFile, own.key);
  await writeFile(files.caFile, back.cert);
});
after(async () => {
  await bed.close();
  await rm(folder, { recursive: true, force: true });
});

describe('a back end that wants to know who calls', () => {
  it('is shown the certificate of the gateway, and must have one of the authorities given', async () => {
    const server = createServer(
      { ...back, ca: own.cert, requestCert: true, rejectUnauthorized: true },
      (incoming, response) => response.end((incoming.socket as TLSSocket).getPeerCertificate().subject.CN),
    ).listen(0, '127.0.0.1');
    await once(server, 'listening');
    bed.defer(() => server.close());
    bed.defer(() => server.closeAllConnections());
    const { port } = server.address() as AddressInfo;
    const options = { CertificateFile: files.certFile, KeyFile: files.keyFile, CaFile: files.caFile };
    const to = (path: string, DownstreamTlsOptions: object, more: object = {}) =>
      routeTo(port, path, { DownstreamScheme: 'https', DownstreamTlsOptions, ...more });
    const url = await bed.gateway({
      Routes: [
        to('/known', options),
        to('/unknown', { CaFile: files.caFile }),
        to('/untrusted', { CertificateFile: files.certFile, KeyFile: files.keyFile }),
        to('/misnamed', { ...options, ServerName: 'other.test' }),
      ],
    });
    const known = await fetch(`${url}/known`);
    assert.deepEqual([known.status, await known.text()], [200, 'gateway']);
    for (const path of ['/unknown', '/untrusted', '/misnamed'])
      assert.equal((await fetch(url + path)).status, 502, path);
  });
});

describe('the files of a certificate', () => {
  it('are looked at every ten seconds, and those before count while a pair does not fit', async () => {
    let nowMs = 0;
    const contextOf = createFileContext(files, () => nowMs);
    const first = contextOf();
    await writeFile(files.certFile, other.cert);
    assert.equal(contextOf(), first);
    nowMs += 10_000;
    assert.equal(contextOf(), first, 'its key is not there yet');
    await writeFile(files.keyFile, other.key);
    nowMs += 10_000;
    const second = contextOf();
    assert.notEqual(second, first);
    nowMs += 10_000;
    assert.equal(contextOf(), second, 'unchanged');
  });

  it('keep a gateway from starting when they cannot be used', () => {
    const route = { ...ROUTE, DownstreamTlsOptions: { CaFile: join(folder, 'none.pem') } };
    const config = readTestConfig({ Routes: [route] });
    assertProblems(
      problemsFrom(() => checkTlsFiles(config)),
      [/^\/o: DownstreamTlsOptions cannot be used: ENOENT/],
    );
    assertProblems(problemsOf({ Routes: [{ ...ROUTE, DownstreamTlsOptions: { KeyFile: 'k' } }] }), [
      /^Routes\[0\]\.DownstreamTlsOptions\.CertificateFile: both belong together/,
    ]);
  });
});
