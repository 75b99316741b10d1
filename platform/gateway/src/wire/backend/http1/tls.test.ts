import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { createServer, type TLSSocket } from 'node:tls';
import { type BackendBed, createBackendBed, testOrigin, until } from '../../../../test/backend-rig.ts';
import { createTestCertificate } from '../../../../test/certificate.ts';

const { cert, key } = createTestCertificate();
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

let bed: BackendBed;
beforeEach(() => {
  bed = createBackendBed();
});
afterEach(() => bed.close());

async function secureBackend() {
  const sockets: TLSSocket[] = [];
  let received = '';
  const server = createServer({ cert, key, ALPNProtocols: ['http/1.1'] }, (socket) => {
    sockets.push(socket.on('error', () => {}));
    socket.on('data', (chunk: Buffer) => {
      received += chunk.toString('latin1');
      socket.write(OK);
    });
  });
  return { port: await bed.listen(server), sockets, received: () => received };
}

test('U12: not a byte goes to a back end whose certificate nobody vouches for', async () => {
  const backend = await secureBackend();
  const origin = testOrigin(backend.port, { secure: true });
  const { failure } = await bed.send(origin).outcome;
  assert.equal(failure?.progress, 'not-sent');
  assert.equal(failure?.reason, 'untrusted');
  assert.equal(backend.received(), '');
});

test('U12: a trusted certificate must name the host', async () => {
  const backend = await secureBackend();
  const named = { ca: cert, serverName: 'other.example' };
  const { failure } = await bed.send(testOrigin(backend.port, { secure: true, tls: named })).outcome;
  assert.equal(failure?.reason, 'untrusted');
  assert.equal(backend.received(), '');
});

test('a trusted certificate is accepted, by address and by name, and the connection kept', async () => {
  const backend = await secureBackend();
  for (const tls of [{ ca: cert }, { ca: cert, serverName: 'localhost' }]) {
    const origin = testOrigin(backend.port, { secure: true, tls });
    for (let round = 0; round < 2; round += 1) assert.equal((await bed.send(origin).outcome).body, 'ok');
  }
  assert.equal(backend.sockets.length, 2);
});

test('a session is resumed on the next connection', async () => {
  const backend = await secureBackend();
  const origin = testOrigin(backend.port, { secure: true, tls: { ca: cert }, connectionLifetimeMs: 500 });
  await bed.send(origin).outcome;
  bed.timers.advance(600);
  await bed.send(origin).outcome;
  await until(() => backend.sockets.length === 2);
  assert.equal(backend.sockets[1]?.isSessionReused(), true);
});

test('any certificate is accepted where the configuration says so', async () => {
  const backend = await secureBackend();
  const origin = testOrigin(backend.port, { secure: true, verifyCertificate: false });
  assert.equal((await bed.send(origin).outcome).body, 'ok');
});

test('certificates that cannot be read are a failure, no exception', async () => {
  const origin = testOrigin(1, { secure: true, tls: { cert: 'nonsense', key: 'nonsense' } });
  const { failure } = await bed.send(origin).outcome;
  assert.equal(failure?.progress, 'not-sent');
  assert.equal(failure?.reason, 'untrusted');
});

test('plain text in the place of TLS is no back end', async () => {
  const plain = await bed.backend((socket) => socket.write(OK));
  const { failure } = await bed.send(testOrigin(plain.origin.port, { secure: true })).outcome;
  assert.equal(failure?.progress, 'not-sent');
  assert.doesNotMatch(plain.received(), /GET/);
});
