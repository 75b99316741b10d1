import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { connect } from 'node:tls';
import { eventually } from '@flotilla/kernel/testing';
import { createMetrics, silentLogger } from '@flotilla/telemetry';
import { createTestCertificate } from '../../test/certificate.ts';
import { readGatewayConfig } from '../config/read-gateway-config.ts';
import { createGateway } from '../create-gateway.ts';
import { watchCertificates } from './watch-certificates.ts';

/** The common name of the certificate that new connections are shown. */
function shownBy(port: number): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false });
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  socket.once('error', reject);
  socket.once('secureConnect', () => {
    resolve(String(socket.getPeerCertificate().subject.CN));
    socket.destroy();
  });
  return promise;
}

it('shows exchanged certificates to new connections, and keeps the old ones when a pair does not fit', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'flotilla-gateway-'));
  const files = { certFile: join(folder, 'cert.pem'), keyFile: join(folder, 'key.pem') };
  const before = createTestCertificate('before.test');
  const after = createTestCertificate('after.test');
  await writeFile(files.certFile, before.cert);
  await writeFile(files.keyFile, before.key);
  const gateway = createGateway({
    config: readGatewayConfig('{}'),
    logger: silentLogger,
    metrics: createMetrics(),
    drainTimeoutMs: 100,
  });
  const { port, setCertificates } = await gateway.listen({ host: '127.0.0.1', port: 0, tls: before });
  const problems: string[] = [];
  const stop = watchCertificates({
    files,
    use: setCertificates,
    onUsed: () => undefined,
    onProblem: ({ message }) => problems.push(message),
    pollMs: 20,
  });
  t.after(async () => {
    stop();
    await gateway.close();
    await rm(folder, { recursive: true, force: true });
  });
  assert.equal(await shownBy(port), 'before.test');

  await eventually('the first look is over', async () => {
    await writeFile(files.certFile, after.cert);
    return problems.length > 0;
  });
  assert.equal(await shownBy(port), 'before.test', 'the key of the other one does not fit');

  for (const file of [files.certFile, files.keyFile]) {
    problems.length = 0;
    await writeFile(file, '');
    await eventually('a file that is being written is no certificate', () => problems.length > 0);
    assert.equal(await shownBy(port), 'before.test');
    await writeFile(file, file === files.certFile ? after.cert : before.key);
  }

  await writeFile(files.keyFile, after.key);
  await eventually('the new pair is in force', async () => (await shownBy(port)) === 'after.test');
});
