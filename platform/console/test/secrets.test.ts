import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import {
  createLogger,
  createMetrics,
  readTelemetrySettings,
  startTelemetry,
  withSpan,
} from '@flotilla/telemetry';
import { openReader } from '@flotilla/telemetry-store';
import { createTestStore } from '@flotilla/telemetry-store/testing';
import { createConsoleServer, createTickets } from '../src/index.ts';
import { ORDER, sampleDeps } from './sample-deps.ts';

const JWT = 'eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJlLW9mLWFsaWNl';

/** Each as somebody leaves it in a header, a body, a URL, an error or a message, and what must be found nowhere of it. */
const PLANTED: readonly (readonly [text: string, secret: string])[] = [
  [`Authorization: Bearer ${JWT}`, JWT],
  ['Authorization: Basic YWxpY2U6b3Blbi1zZXNhbWU=', 'YWxpY2U6b3Blbi1zZXNhbWU'],
  ['Cookie: __Host-sid=cookie-4711-plum; theme=dark', 'cookie-4711-plum'],
  ['Set-Cookie: sid=cookie-4712-pear; Path=/; HttpOnly', 'cookie-4712-pear'],
  ['X-Api-Key: apikey-4713-fig', 'apikey-4713-fig'],
  ['{"email":"alice@example.com","password":"pass 4714 word"}', 'pass 4714 word'],
  [String.raw`body was {\"newPassword\":\"pass-4715-lime\"}`, 'pass-4715-lime'],
  ['{"card":{"cardNumber":"4111111111111111","cvc":"4716"}}', '4111111111111111'],
  ['grant_type=refresh_token&refresh_token=refresh-4717-kiwi', 'refresh-4717-kiwi'],
  ['client_secret=client-4718-date&scope=openid', 'client-4718-date'],
  ['GET /reset?token=reset-4719-lemon HTTP/1.1', 'reset-4719-lemon'],
  ['https://shop.example/#access_token=access-4720-melon', 'access-4720-melon'],
  ['connect ECONNREFUSED postgres://order:pg-4721-olive@127.0.0.1:5432/order', 'pg-4721-olive'],
  ['amqp://guest:amqp-4722-apple@127.0.0.1:5672', 'amqp-4722-apple'],
  ['card 5500 0055 5555 5559 was declined', '5500 0055 5555 5559'],
  ['charge of 378282246310005 failed', '378282246310005'],
  ['invalid api_key sk_live_4723abcdefgh', 'sk_live_4723abcdefgh'],
  ['-----BEGIN PRIVATE KEY-----\nMIGH4724AgEAMBMG\n-----END PRIVATE KEY-----', 'MIGH4724AgEAMBMG'],
  ['payment {"token":"tok-4725-grape"} was refused', 'tok-4725-grape'],
  ['session_id: session-4726-peach has ended', 'session-4726-peach'],
];

const ALL = PLANTED.map(([text]) => text).join('\n');

function found(where: string, text: string): readonly string[] {
  return PLANTED.filter(([, secret]) => text.includes(secret)).map(([, secret]) => `${secret} in ${where}`);
}

/** As attributes of spans and fields of lines: under a name that says nothing. */
const attributes = () => Object.fromEntries(PLANTED.map(([text], index) => [`planted.${index}`, text]));

describe('twenty secrets that were left where they do not belong', () => {
  const folder = mkdtempSync(join(tmpdir(), 'planted-'));

  before(() => assert.equal(PLANTED.length, 20));
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('are in no line of a log and in nothing that is exported', async () => {
    const bodies: Buffer[] = [];
    const receiver = createServer(async (request: IncomingMessage, response) => {
      bodies.push(await buffer(request));
      response.end();
    }).listen(0, '127.0.0.1');
    await once(receiver, 'listening');
    const { port } = receiver.address() as AddressInfo;
    const lines: string[] = [];
    const logger = createLogger({ service: 'test', destination: { write: (line) => lines.push(line) } });
    for (const protocol of ['http/protobuf', 'http/json']) {
      const env = {
        OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
        OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
      };
      const settings = readTelemetrySettings(env, (problems) => assert.fail(problems.join()));
      const facts = { service: 'test', version: '1', instance: '1', logsSpans: false };
      const telemetry = await startTelemetry({ ...facts, metrics: createMetrics(), logger, settings });
      await withSpan('planted', attributes(), async () => {
        for (const [text] of PLANTED) {
          logger.error(
            { err: new Error(text, { cause: new TypeError(text) }), field: text, deep: [{ text }] },
            'it failed',
          );
          logger.info({ password: 'under-4727-its-name' }, text);
        }
      });
      await telemetry.close();
    }
    receiver.close();
    receiver.closeAllConnections();
    assert.ok(lines.length >= 80 && bodies.length >= 4, `${lines.length} lines, ${bodies.length} bodies`);
    assert.match(bodies.map(String).join(), /planted\.19/);
    assert.deepEqual(
      [...found('logs', lines.join('')), ...found('exports', bodies.map(String).join('\n'))],
      [],
    );
    assert.doesNotMatch(lines.join('') + bodies.map(String).join(), /4727/);
  });

  it('are in no answer of the console and not in the file of the store, whoever sent them', async () => {
    const file = join(folder, 'telemetry.db');
    const store = createTestStore(file);
    plant(store);
    store.settle();
    const reader = openReader(file);
    const sample = sampleDeps();
    const tickets = createTickets('a secret of the test, which is long enough');
    const server = createConsoleServer({
      deps: {
        ...sample,
        telemetry: () => reader,
        inDatabase: leaky,
        recentLines: async () => [{ instance: 'a', line: ALL }],
      },
      tickets,
      pages: folder,
      onError: () => undefined,
    });
    const url = await server.listen(0);
    const login = await fetch(`${url}/api/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', origin: url },
      body: JSON.stringify({ token: tickets.issueLogin('operator', Date.now()) }),
    });
    const cookie = login.headers.get('set-cookie')?.split(';')[0] ?? '';
    const wrong: string[] = [];
    for (const path of PATHS) {
      const answer = await fetch(`${url}/api/${path}`, { headers: { cookie } });
      const text = await answer.text();
      assert.equal(answer.status, 200, `${path}: ${text.slice(0, 200)}`);
      wrong.push(...found(path, JSON.stringify(JSON.parse(text), null, 1)), ...found(path, text));
    }
    await server.close();
    reader.close();
    store.close();
    sample.close();
    for (const name of readdirSync(folder))
      wrong.push(...found(name, readFileSync(join(folder, name), 'latin1')));
    assert.deepEqual(wrong, []);
  });
});

const TRACE = 'c3'.repeat(16);
const PATHS = [
  ...['logs', 'traces', `traces/${TRACE}`, 'overview', 'records/orders', `records/orders/${ORDER}`],
  ...['services/order', `streams/order/order-${ORDER}`, 'audit'],
];

/** A database whose every row has all of them. */
const leaky: ReturnType<typeof sampleDeps>['inDatabase'] = async (_service, work) => {
  const row = {
    id: ORDER,
    data: { note: ALL, nested: { password: 'pass-4728-row' } },
    reason: ALL,
    saga_id: null,
  };
  const query = async () => [{ ...row, waiting: '0', held: '0', oldest: null, recordedAt: new Date() }];
  const database = {
    query,
    transaction: async (run: (tx: unknown) => Promise<unknown>) => await run({ query }),
  };
  return await work(database as never); // as much of one as pages ask for
};

function plant(store: ReturnType<typeof createTestStore>): void {
  const attribute = (key: string, value: string) => ({ key, value: { stringValue: value } });
  const planted = PLANTED.map(([text], index) => attribute(`planted.${index}`, text));
  const header = {
    key: 'http.request.header.cookie',
    value: { arrayValue: { values: [{ stringValue: 'sid=cookie-4711-plum' }] } },
  };
  const resource = { attributes: [attribute('service.name', 'order'), ...planted] };
  const times = { startTimeUnixNano: `${Date.now()}000000`, endTimeUnixNano: `${Date.now() + 5}000000` };
  const spans = PLANTED.map(([text], index) => ({
    ...{ traceId: TRACE, spanId: `${index + 10}`.padStart(16, '0'), name: text, kind: 1, ...times },
    attributes: [...planted, header],
    status: { code: 2, message: text },
    events: [{ timeUnixNano: times.startTimeUnixNano, name: 'exception', attributes: planted }],
  }));
  store.send('traces', { resourceSpans: [{ resource, scopeSpans: [{ spans }] }] });
  const logRecords = PLANTED.map(([text]) => ({
    ...{ timeUnixNano: times.startTimeUnixNano, severityNumber: 17, traceId: TRACE },
    ...{ body: { stringValue: text }, attributes: planted },
  }));
  store.send('logs', { resourceLogs: [{ resource, scopeLogs: [{ logRecords }] }] });
}
