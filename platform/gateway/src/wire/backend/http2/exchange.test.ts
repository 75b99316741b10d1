import assert from 'node:assert/strict';
import {
  constants,
  createSecureServer,
  createServer,
  type ServerHttp2Session,
  type ServerHttp2Stream,
  type Settings,
} from 'node:http2';
import { afterEach, beforeEach, test } from 'node:test';
import {
  type BackendBed,
  createBackendBed,
  requestIdOf,
  testBody,
  testFields,
  testOrigin,
  until,
  valueIn,
} from '../../../../test/backend-rig.ts';
import { createTestCertificate } from '../../../../test/certificate.ts';
import type { Origin } from '../backend-call.ts';

let bed: BackendBed;
beforeEach(() => {
  bed = createBackendBed();
});
afterEach(() => bed.close());

interface Backend {
  readonly origin: Origin;
  readonly sessions: ServerHttp2Session[];
  readonly headers: NodeJS.Dict<string | string[]>[];
}

async function backend(
  onStream: (stream: ServerHttp2Stream, path: string) => void,
  settings: Settings = {},
): Promise<Backend> {
  const sessions: ServerHttp2Session[] = [];
  const headers: Backend['headers'] = [];
  const server = createServer({ settings });
  server.on('session', (session) => sessions.push(session.on('error', () => {})));
  server.on('stream', (stream, fields) => {
    headers.push(fields as NodeJS.Dict<string | string[]>);
    stream.on('error', () => {});
    onStream(stream, String(fields[':path']));
  });
  const port = await bed.listen(server);
  return { origin: testOrigin(port, { protocol: '2' }), sessions, headers };
}

const ok = (stream: ServerHttp2Stream) => {
  stream.respond({ ':status': 200, 'x-a': '1' });
  stream.end('ok');
};

test('many exchanges share one session', async () => {
  const { origin, sessions, headers } = await backend(ok);
  const outcomes = await Promise.all(
    Array.from(
      { length: 50 },
      (_, index) =>
        bed.send(origin, { target: `/${index}`, fields: testFields({ 'X-B': '2', Connection: 'x' }) })
          .outcome,
    ),
  );
  for (const outcome of outcomes) {
    assert.equal(outcome.body, 'ok');
    assert.equal(valueIn(outcome, 'x-a'), '1');
  }
  assert.equal(sessions.length, 1);
  assert.equal(headers[0]?.['x-b'], '2');
  assert.equal(headers[0]?.['connection'], undefined);
  assert.equal(headers[0]?.[':authority'], 'test');
  assert.deepEqual(bed.backendClient.stats(), [{ key: origin.key, inFlight: 0, idle: 1, waiting: 0 }]);
});

test('a back end that allows few streams gets more sessions', async () => {
  const streams: ServerHttp2Stream[] = [];
  const { origin, sessions } = await backend((stream) => streams.push(stream), { maxConcurrentStreams: 2 });
  // The first exchange learns of the limit.
  const first = bed.send(origin);
  await until(() => streams.length === 1);
  const others = [bed.send(origin), bed.send(origin)];
  await until(() => streams.length === 3);
  assert.equal(sessions.length, 2);
  for (const stream of streams) ok(stream);
  for (const sent of [first, ...others]) assert.equal((await sent.outcome).body, 'ok');
});

test('a body goes with its length or without, and trailers come back', async () => {
  const { origin, headers } = await backend((stream) => {
    stream.respond({ ':status': 200 }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-t': '1' }));
    stream.pipe(stream);
  });
  const body = testBody({ kind: 'length', bytes: 6 }, (sink) => {
    sink.data(Buffer.from('abc'));
    sink.data(Buffer.from('def'));
    sink.end();
  });
  const streamed = await bed.send(origin, { method: 'POST', body }).outcome;
  assert.equal(streamed.body, 'abcdef');
  assert.equal(headers[0]?.['content-length'], '6');
  assert.equal(streamed.trailers?.names[0]?.lower, 'x-t');
  const whole = await bed.send(origin, { method: 'POST', body: Buffer.from('hi') }).outcome;
  assert.equal(whole.body, 'hi');
  assert.equal(headers[1]?.['content-length'], '2');
  const open = testBody({ kind: 'chunked' }, (sink) => sink.end());
  assert.equal((await bed.send(origin, { method: 'POST', body: open }).outcome).body, '');
  assert.equal(headers[2]?.['content-length'], undefined);
});

test('`te: trailers` goes with gRPC only', async () => {
  const { origin, headers } = await backend(ok);
  await bed.send(origin, { fields: testFields({ 'content-type': 'application/grpc+proto' }) }).outcome;
  await bed.send(origin).outcome;
  assert.deepEqual(
    headers.map(({ te }) => te),
    ['trailers', undefined],
  );
});

test('a stream that is reset before the answer leaves the request unanswered, or not sent', async () => {
  const { origin } = await backend((stream, path) =>
    stream.close(path === '/refused' ? constants.NGHTTP2_REFUSED_STREAM : constants.NGHTTP2_INTERNAL_ERROR),
  );
  const failureOf = async (target: string) => (await bed.send(origin, { target }).outcome).failure;
  assert.deepEqual(await failureOf('/refused'), { progress: 'not-sent', reason: 'reset' });
  assert.deepEqual(await failureOf('/'), { progress: 'unanswered', reason: 'reset' });
});

test('a connection that breaks fails its exchanges', async () => {
  const { origin, sessions } = await backend((stream, path) => {
    if (path === '/begun') stream.respond({ ':status': 200 });
  });
  const begun = bed.send(origin, { target: '/begun' });
  const silent = bed.send(origin);
  await begun.headCame;
  sessions[0]?.socket.destroy();
  assert.equal((await begun.outcome).failure?.progress, 'broken');
  assert.equal((await silent.outcome).failure?.progress, 'unanswered');
  assert.deepEqual(bed.backendClient.stats()[0]?.inFlight, 0);
});

test('GOAWAY: what the back end will not look at was not sent, and the next exchange has a new session', async () => {
  const streams: ServerHttp2Stream[] = [];
  const { origin, sessions } = await backend((stream) => streams.push(stream));
  const first = bed.send(origin);
  await until(() => streams.length === 1);
  const second = bed.send(origin);
  await until(() => streams.length === 2);
  sessions[0]?.goaway(constants.NGHTTP2_NO_ERROR, streams[0]?.id);
  assert.equal((await second.outcome).failure?.progress, 'not-sent');
  if (streams[0]) ok(streams[0]);
  assert.equal((await first.outcome).body, 'ok');
  const third = bed.send(origin);
  await until(() => streams.length === 3);
  if (streams[2]) ok(streams[2]);
  assert.equal((await third.outcome).body, 'ok');
  assert.equal(sessions.length, 2);
});

test('nobody there, and somebody who speaks something else', async () => {
  const nobody = testOrigin(1, { protocol: '2' });
  const refused = await bed.send(nobody).outcome;
  assert.equal(refused.failure?.progress, 'not-sent');
  assert.equal(refused.failure?.reason, 'refused');
  const http1 = await bed.backend((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
  const { failure } = await bed.send(testOrigin(http1.origin.port, { protocol: '2' })).outcome;
  assert.notEqual(failure, undefined);
});

test('over TLS a back end must be vouched for and agree on HTTP/2', async () => {
  const { cert, key } = createTestCertificate();
  const server = createSecureServer({ cert, key, allowHTTP1: true });
  server.on('stream', ok);
  const port = await bed.listen(server);
  const secure = { protocol: '2', secure: true } as const;
  assert.equal((await bed.send(testOrigin(port, { ...secure, tls: { ca: cert } })).outcome).body, 'ok');
  const { failure } = await bed.send(testOrigin(port, secure)).outcome;
  assert.deepEqual([failure?.progress, failure?.reason], ['not-sent', 'untrusted']);
});

test('the id of another request is told', async () => {
  const { origin } = await backend((stream) => {
    stream.respond({ ':status': 200, 'x-request-id': 'other' });
    stream.end();
  });
  const { failure } = await bed.send(origin, { requestId: requestIdOf('mine') }).outcome;
  assert.deepEqual(failure, { progress: 'unanswered', reason: 'foreign-answer' });
});

test('an answer before the end of the body is passed on, and the body given up', async () => {
  const { origin, sessions } = await backend((stream) => {
    stream.respond({ ':status': 403 });
    stream.end();
  });
  const body = testBody({ kind: 'chunked' }, () => {});
  const { head, kind } = await bed.send(origin, { method: 'POST', body }).outcome;
  assert.deepEqual({ status: head?.status, kind }, { status: 403, kind: 'end' });
  assert.equal(body.discarded, true);
  assert.equal((await bed.send(origin).outcome).head?.status, 403);
  assert.equal(sessions.length, 1);
});

test('a broken body resets the stream', async () => {
  let code: number | undefined;
  const { origin } = await backend((stream) => {
    stream.on('close', () => {
      code = stream.rstCode;
    });
  });
  const body = testBody({ kind: 'chunked' }, (sink) => {
    sink.data(Buffer.from('a'));
    sink.error({ status: 413, code: 'body-too-large' });
  });
  const { failure } = await bed.send(origin, { method: 'POST', body }).outcome;
  assert.equal(failure?.reason, 'request-body');
  assert.equal(failure?.refusal?.status, 413);
  await until(() => code === constants.NGHTTP2_CANCEL);
});

test('an answer that has begun may pause only so long, unless it is gRPC', async () => {
  const { origin } = await backend((stream) => stream.respond({ ':status': 200 }));
  const sent = bed.send(origin);
  const grpc = bed.send(origin, { fields: testFields({ 'content-type': 'application/grpc' }) });
  await sent.headCame;
  await grpc.headCame;
  bed.timers.advance(30_000);
  assert.deepEqual((await sent.outcome).failure, { progress: 'broken', reason: 'idle' });
  grpc.call.abort();
});

test('idle sessions end, and the unused origin is forgotten', async () => {
  const { origin } = await backend(ok);
  await bed.send(origin).outcome;
  bed.timers.advance(15_000);
  await until(() => bed.backendClient.stats()[0]?.idle === 0);
  bed.timers.advance(1_000);
  assert.deepEqual(bed.backendClient.stats(), []);
});

test('a paused answer stops the back end', async () => {
  const total = 32 * 1_048_576;
  let written = 0;
  const { origin } = await backend((stream) => {
    stream.respond({ ':status': 200 });
    const next = () => {
      while (written < total) {
        written += 65_536;
        if (!stream.write(Buffer.alloc(65_536))) return;
      }
      stream.end();
    };
    stream.on('drain', next);
    next();
  });
  const sent = bed.send(origin);
  await sent.headCame;
  sent.call.pause();
  let last = -1;
  await until(() => {
    const isStill = written === last;
    last = written;
    return isStill;
  });
  assert.ok(sent.bytes() <= 131_072, `${sent.bytes()} bytes delivered`);
  assert.ok(written <= 1_048_576, `${written} bytes written while nobody reads`);
  sent.call.resume();
  await sent.outcome;
  assert.equal(sent.bytes(), total);
});
