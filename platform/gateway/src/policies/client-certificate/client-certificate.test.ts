import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { Agent, request } from 'node:https';
import { text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { connect } from 'node:tls';
import { createTestCertificate } from '../../../test/certificate.ts';
import { createTestBed, routeTo, type TestGateway } from '../../../test/gateway.ts';

const bed = createTestBed();
after(() => bed.close());

const client = createTestCertificate('alice');
const stranger = createTestCertificate('mallory');
const told = `:${new X509Certificate(client.cert).raw.toString('base64')}:`;

interface Shown {
  readonly cert?: string;
  readonly key?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Status and body of one request on a connection of its own. */
async function ask({ url }: TestGateway, path: string, { headers = {}, ...shown }: Shown = {}) {
  const agent = new Agent({ rejectUnauthorized: false, ...shown });
  const sent = request(url + path, { agent, headers }).end();
  const [response] = await once(sent, 'response');
  const body = await text(response);
  agent.destroy();
  return { status: response.statusCode as number, body };
}

async function askOverHttp2({ url }: TestGateway, path: string, shown: Shown) {
  const session = connectHttp2(url, { rejectUnauthorized: false, ...shown });
  const stream = session.request({ ':path': path });
  const [headers] = await once(stream, 'response');
  const body = await text(stream);
  session.destroy();
  return { status: headers[':status'] as number, body };
}

describe('certificates of clients', () => {
  let gateway: TestGateway;
  let config: object;
  before(async () => {
    let asked = 0;
    const port = await bed.backend(({ headers }, response) => {
      asked += 1;
      response.setHeader('cache-control', 'max-age=60');
      response.end(`${headers['client-cert']} ${headers['client-cert-chain']} ${asked}`);
    });
    config = {
      Routes: [
        routeTo(port, '/open'),
        routeTo(port, '/needed', { ClientCertificateOptions: { Required: true } }),
        routeTo(port, '/told', {
          ClientCertificateOptions: { HandOn: true },
          CacheOptions: { TtlSeconds: 60 },
        }),
        routeTo(port, '/proxy', {
          ClientCertificateOptions: { Required: true, HandOn: true, FromProxy: true },
        }),
      ],
    };
    gateway = await bed.start(config, {
      listen: { tls: { ...createTestCertificate(), clientCa: client.cert } },
    });
  });

  it('are needed where a route says so, and only those of a trusted authority count', async () => {
    assert.equal((await ask(gateway, '/needed')).status, 403);
    assert.equal((await ask(gateway, '/needed', stranger)).status, 403);
    assert.equal((await ask(gateway, '/needed', client)).status, 200);
    assert.equal((await askOverHttp2(gateway, '/needed', client)).status, 200);
    assert.equal((await askOverHttp2(gateway, '/needed', {})).status, 403);
    assert.equal((await ask(gateway, '/open', stranger)).status, 200);
    const { body } = await ask(gateway, '/needed', stranger);
    assert.equal(JSON.parse(body).code, 'client-certificate-required');
  });

  it('are told to the back end, and nothing that a client says of itself', async () => {
    const headers = { 'client-cert': ':AAAA:', client_cert: ':AAAA:', 'client-cert-chain': ':AAAA:' };
    for (const answer of [
      await ask(gateway, '/told', { ...client, headers }),
      await askOverHttp2(gateway, '/told', client),
    ])
      assert.ok(answer.body.startsWith(`${told} undefined `), answer.body);
    for (const path of ['/open', '/told', '/needed'])
      assert.match(
        (await ask(gateway, path, { ...client, headers })).body,
        path === '/told' ? /^:/ : /^undefined/,
      );
  });

  it('make an answer nobody else gets from the cache', async () => {
    const mine = await ask(gateway, '/told', client);
    const other = await ask(gateway, '/told');
    assert.match(other.body, /^undefined/);
    assert.match((await ask(gateway, '/told', client)).body, /^:/);
    assert.match(mine.body, /^:/);
  });

  it('are taken from a trusted proxy where the route says so, else they are its own', async () => {
    const headers = { 'client-cert': told };
    assert.equal((await ask(gateway, '/proxy', { headers })).status, 403, 'nobody is trusted');
    const trusting = await bed.start(
      { ...config, GlobalConfiguration: { TrustedProxies: ['127.0.0.1'] } },
      { listen: { tls: { ...createTestCertificate(), clientCa: client.cert } } },
    );
    assert.ok((await ask(trusting, '/proxy', { headers })).body.startsWith(told));
    assert.equal((await ask(trusting, '/proxy', { headers: { 'client-cert': 'alice' } })).status, 403);
    assert.equal((await ask(trusting, '/needed', { headers })).status, 403);
  });

  it('can be asked of everybody: without one there is no connection', async () => {
    const strict = await bed.start(config, {
      listen: { tls: { ...createTestCertificate(), clientCa: client.cert }, requiresClientCertificate: true },
    });
    await assert.rejects(ask(strict, '/open'));
    await assert.rejects(ask(strict, '/open', stranger));
    assert.equal((await ask(strict, '/open', client)).status, 200);
  });
});

describe('several certificates', () => {
  it('are shown to those who ask for their names; all others get the first', async () => {
    const first = createTestCertificate('first', 'first.test');
    const second = createTestCertificate('second', '*.second.test');
    const gateway = await bed.start({}, { listen: { tls: { ...first, more: [second] } } });
    const shown = async (servername: string) => {
      const socket = connect({
        host: '127.0.0.1',
        port: gateway.port,
        rejectUnauthorized: false,
        servername,
      });
      await once(socket, 'secureConnect');
      const { subject } = socket.getPeerCertificate();
      socket.destroy();
      return subject.CN;
    };
    assert.equal(await shown('a.second.test'), 'second');
    for (const name of ['first.test', 'second.test', 'a.b.second.test', 'other.test'])
      assert.equal(await shown(name), 'first', name);
    const third = createTestCertificate('third', '*.second.test');
    gateway.setCertificates({ ...first, more: [third] });
    assert.equal(await shown('a.second.test'), 'third');
    assert.throws(() => gateway.setCertificates({ ...first, more: [{ ...third, key: first.key }] }));
    assert.equal(await shown('a.second.test'), 'third', 'those before stay');
  });
});
