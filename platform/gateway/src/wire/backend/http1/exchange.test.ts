import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
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

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

let bed: BackendBed;
beforeEach(() => {
  bed = createBackendBed({ maxWaiting: 2 });
});
afterEach(() => bed.close());

const always = (answer: string) => (socket: Socket) => socket.write(answer, 'latin1');

test('a request without body is one head, written anew', async () => {
  const backend = await bed.backend(always(OK));
  const fields = testFields({
    'X-A': '1',
    Connection: 'close',
    'content-length': '9',
    host: 'x',
    TE: 'gzip',
  });
  const { kind, body } = await bed.send(backend.origin, { target: '/a?b', fields }).outcome;
  assert.deepEqual({ kind, body }, { kind: 'end', body: 'ok' });
  assert.equal(
    backend.received(),
    'GET /a?b HTTP/1.1\r\nHost: test\r\nX-A: 1\r\nConnection: keep-alive\r\n\r\n',
  );
});

test('bytes at hand go with their length', async () => {
  const backend = await bed.backend(always(OK));
  await bed.send(backend.origin, { method: 'POST', body: Buffer.from('h\xe9', 'latin1') }).outcome;
  assert.equal(
    backend.received(),
    'POST / HTTP/1.1\r\nHost: test\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nh\xe9',
  );
});

test('what could be read in two ways is not sent', async () => {
  const backend = await bed.backend(always(OK));
  for (const request of [
    { target: '/a b' },
    { target: '/a\r\nX: y' },
    { method: 'GET /' },
    { authority: 'a\r\n' },
    { authority: '' },
    { fields: testFields({ X: 'a\r\nY: b' }) },
    { fields: testFields({ X: '\u010a' }) },
    { fields: testFields({ X: '\0' }) },
    { fields: testFields({ 'X Y': 'a' }) },
  ]) {
    const { failure } = await bed.send(backend.origin, request).outcome;
    assert.deepEqual(failure, { progress: 'not-sent', reason: 'malformed' });
  }
  assert.equal(backend.received(), '');
});

test('one connection serves one exchange after the other', async () => {
  const backend = await bed.backend(always(OK));
  for (let round = 0; round < 3; round += 1) await bed.send(backend.origin).outcome;
  assert.equal(backend.sockets.length, 1);
  assert.deepEqual(bed.backendClient.stats(), [
    { key: backend.origin.key, inFlight: 0, idle: 1, waiting: 0 },
  ]);
});

test('a body keeps its framing', async () => {
  const backend = await bed.backend((socket, received) => {
    if (received.endsWith('def') || received.endsWith('0\r\n\r\n')) socket.write(OK);
  });
  const deliver = testBody({ kind: 'length', bytes: 6 }, (sink) => {
    sink.data(Buffer.from('abc'));
    sink.data(Buffer.from('def'));
    sink.end();
  });
  await bed.send(backend.origin, { method: 'POST', body: deliver }).outcome;
  const chunked = testBody({ kind: 'chunked' }, (sink) => {
    sink.data(Buffer.from('abc'));
    sink.data(Buffer.alloc(0));
    sink.data(Buffer.alloc(20_000, 'x'));
    sink.end();
  });
  await bed.send(backend.origin, { method: 'POST', body: chunked }).outcome;
  const empty = testBody({ kind: 'chunked' }, (sink) => sink.end());
  await bed.send(backend.origin, { method: 'POST', body: empty }).outcome;
  const head = (framing: string) =>
    `POST / HTTP/1.1\r\nHost: test\r\nConnection: keep-alive\r\n${framing}\r\n\r\n`;
  assert.equal(
    backend.received(),
    `${head('Content-Length: 6')}abcdef` +
      `${head('Transfer-Encoding: chunked')}3\r\nabc\r\n4e20\r\n${'x'.repeat(20_000)}\r\n0\r\n\r\n` +
      `${head('Transfer-Encoding: chunked')}0\r\n\r\n`,
  );
  assert.equal(backend.sockets.length, 1);
});

test('the head does not wait for a body that does not come', async () => {
  const backend = await bed.backend(always('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n'));
  const silent = testBody({ kind: 'length', bytes: 6 }, () => {});
  const { head, kind } = await bed.send(backend.origin, { method: 'POST', body: silent }).outcome;
  assert.equal(head?.status, 403);
  assert.equal(kind, 'end');
  // U10: the rest of the body would be read as the next request.
  assert.equal(silent.discarded, true);
  await until(() => backend.sockets[0]?.closed === true);
});

test('a body that is shorter or longer than announced is never completed', async () => {
  const backend = await bed.backend(() => {});
  for (const text of ['abc', 'abcdefg']) {
    const body = testBody({ kind: 'length', bytes: 6 }, (sink) => {
      sink.data(Buffer.from(text));
      sink.end();
    });
    const { failure } = await bed.send(backend.origin, { method: 'POST', body }).outcome;
    assert.equal(failure?.reason, 'request-body');
  }
  await until(() => backend.sockets.every(({ closed }) => closed));
  assert.doesNotMatch(backend.received(), /abcdefg/);
});

test('a broken body ends the connection and says what the client should be told', async () => {
  const backend = await bed.backend(() => {});
  const refusal = { status: 413, code: 'body-too-large' };
  const body = testBody({ kind: 'chunked' }, (sink) => {
    sink.data(Buffer.from('abc'));
    sink.error(refusal);
  });
  const { failure } = await bed.send(backend.origin, { method: 'POST', body }).outcome;
  assert.deepEqual(failure, { progress: 'unanswered', reason: 'request-body', refusal });
  await until(() => backend.sockets[0]?.closed === true);
  assert.doesNotMatch(backend.received(), /0\r\n\r\n/);
});

test('U1: bytes behind an answer reach nobody, and the connection is not used again', async () => {
  for (const surplus of ['\r\n', OK, 'x']) {
    const backend = await bed.backend(always(`${OK}${surplus}`));
    for (let round = 0; round < 2; round += 1)
      assert.equal((await bed.send(backend.origin).outcome).body, 'ok');
    assert.equal(backend.sockets.length, 2);
  }
});

test('U1: bytes behind an answer without body reach nobody', async () => {
  const backend = await bed.backend(always('HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nno'));
  const { head, body } = await bed.send(backend.origin).outcome;
  assert.deepEqual({ status: head?.status, body }, { status: 204, body: '' });
  await until(() => backend.sockets[0]?.closed === true);
  const toHead = await bed.backend(always(OK));
  assert.equal((await bed.send(toHead.origin, { method: 'HEAD' }).outcome).body, '');
  await until(() => toHead.sockets[0]?.closed === true);
});

test('U1: bytes on an idle connection end it', async () => {
  const backend = await bed.backend(always(OK));
  await bed.send(backend.origin).outcome;
  backend.sockets[0]?.write(OK);
  await until(() => backend.sockets[0]?.closed === true);
  assert.equal(bed.backendClient.stats()[0]?.idle, 0);
  assert.equal((await bed.send(backend.origin).outcome).body, 'ok');
  assert.equal(backend.sockets.length, 2);
});

test('U2: an answer with the id of another request is nobody’s', async () => {
  const backend = await bed.backend(
    always('HTTP/1.1 200 OK\r\nX-Request-ID: other\r\nContent-Length: 0\r\n\r\n'),
  );
  const { failure, head } = await bed.send(backend.origin, { requestId: requestIdOf('mine') }).outcome;
  assert.deepEqual(failure, { progress: 'unanswered', reason: 'foreign-answer' });
  assert.equal(head, undefined);
  await until(() => backend.sockets[0]?.closed === true);
});

test('U2: an answer without the id is foreign only where earlier ones had it', async () => {
  const answers = ['X-Request-Id: 1\r\n', '', '', ''];
  const backend = await bed.backend((socket) =>
    socket.write(`HTTP/1.1 200 OK\r\n${answers.shift()}Content-Length: 0\r\n\r\n`),
  );
  const kinds: string[] = [];
  for (const id of ['1', '2', '3', '4']) {
    const { kind, failure } = await bed.send(backend.origin, { requestId: requestIdOf(id) }).outcome;
    kinds.push(failure?.reason ?? kind);
  }
  assert.deepEqual(kinds, ['end', 'foreign-answer', 'end', 'end']);
});

test('U3: a malformed head ends the connection', async () => {
  const backend = await bed.backend(
    always('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'),
  );
  const { failure, head } = await bed.send(backend.origin).outcome;
  assert.deepEqual(failure, { progress: 'broken', reason: 'malformed' });
  assert.equal(head, undefined);
  await until(() => backend.sockets[0]?.closed === true);
});

test('U4: a body that breaks off or is malformed never ends cleanly', async () => {
  const chunked = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n';
  for (const [bytes, reason] of [
    ['HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok', 'closed'],
    [chunked, 'closed'],
    [`${chunked}0\r\n`, 'closed'],
    [`${chunked}zz\r\n`, 'malformed'],
  ] as const) {
    const backend = await bed.backend((socket) => socket.end(bytes));
    const { failure, body } = await bed.send(backend.origin).outcome;
    assert.deepEqual(failure, { progress: 'broken', reason });
    assert.equal(body, 'ok');
  }
});

test('U14: the end of the connection may be the end of the answer, unless it is torn down', async () => {
  const backend = await bed.backend((socket) => socket.end('HTTP/1.0 200 OK\r\n\r\nok'));
  const { kind, body, head } = await bed.send(backend.origin).outcome;
  assert.deepEqual({ kind, body, bytes: head?.bodyBytes }, { kind: 'end', body: 'ok', bytes: undefined });
  const torn = await bed.backend((socket) => socket.write('HTTP/1.0 200 OK\r\n\r\nok'));
  const sent = bed.send(torn.origin);
  await sent.headCame;
  torn.sockets[0]?.resetAndDestroy();
  const { failure } = await sent.outcome;
  assert.equal(failure?.progress, 'broken');
});

test('U5: a handshake hands the connection over, with the bytes that came early', async () => {
  const backend = await bed.backend((socket, received) => {
    if (received.startsWith('GET'))
      socket.write('HTTP/1.1 101 S\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nX: 1\r\n\r\nearly');
    else socket.write(received.toUpperCase());
  });
  const sent = bed.send(backend.origin, {
    upgrade: true,
    fields: testFields({ 'Sec-WebSocket-Version': '13' }),
  });
  const outcome = await sent.outcome;
  assert.equal(outcome.kind, 'switched');
  assert.equal(outcome.body, 'early');
  assert.equal(valueIn(outcome, 'x'), '1');
  assert.match(backend.received(), /\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n$/);
  const { socket } = outcome;
  assert.ok(socket);
  let echoed = '';
  socket.on('data', (chunk: Buffer) => {
    echoed += chunk.toString();
  });
  socket.write('hello');
  await until(() => echoed === 'HELLO');
  assert.equal(bed.backendClient.stats()[0]?.inFlight, 1);
  socket.destroy();
  await until(() => bed.backendClient.stats()[0]?.inFlight === 0);
});

test('U10: an answer before the end of the body is passed on, and the connection kept if the body ends', async () => {
  const backend = await bed.backend((socket, received) => {
    if (received.startsWith('POST')) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no');
    else if (received === 'cdef') socket.write('k');
    else socket.write(OK);
  });
  const body = testBody({ kind: 'length', bytes: 6 }, (sink) => sink.data(Buffer.from('ab')));
  const sent = bed.send(backend.origin, { method: 'POST', body });
  await sent.headCame;
  body.sink?.data(Buffer.from('cdef'));
  body.sink?.end();
  assert.equal((await sent.outcome).body, 'ok');
  assert.equal((await bed.send(backend.origin).outcome).body, 'ok');
  assert.equal(backend.sockets.length, 1);
});

test('a kept connection that closes before any answer leaves the request unanswered', async () => {
  let count = 0;
  const backend = await bed.backend((socket) => {
    count += 1;
    if (count === 1) socket.write(OK);
    else socket.destroy();
  });
  await bed.send(backend.origin).outcome;
  const { failure } = await bed.send(backend.origin).outcome;
  assert.equal(failure?.progress, 'unanswered');
  assert.equal(failure?.reason, 'closed');
});

test('nobody there: nothing was sent', async () => {
  const backend = await bed.backend(() => {});
  const { failure } = await bed.send({ ...backend.origin, port: 1, key: 'nobody' }).outcome;
  assert.equal(failure?.progress, 'not-sent');
  assert.equal(failure?.reason, 'refused');
  assert.ok(failure?.cause);
});

test('a connection that does not come about in time is given up', async () => {
  // TLS towards a server that never answers the handshake
  const backend = await bed.backend(() => {});
  const sent = bed.send({ ...backend.origin, key: 'tls', secure: true, connectTimeoutMs: 300 });
  await until(() => backend.received() !== '');
  bed.timers.advance(300);
  assert.deepEqual((await sent.outcome).failure, { progress: 'not-sent', reason: 'connect-timeout' });
});

test('an answer that has begun may pause only so long, one that has not may take its time', async () => {
  const backend = await bed.backend(() => {});
  const sent = bed.send(backend.origin);
  await until(() => backend.received() !== '');
  bed.timers.advance(100_000);
  backend.sockets[0]?.write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok');
  await sent.headCame;
  bed.timers.advance(29_000);
  backend.sockets[0]?.write('ok');
  await until(() => sent.bytes() === 4);
  bed.timers.advance(29_000);
  backend.sockets[0]?.write('ok');
  await until(() => sent.bytes() === 6);
  bed.timers.advance(30_000);
  assert.deepEqual((await sent.outcome).failure, { progress: 'broken', reason: 'idle' });
});

test('while the client is slow, the back end is not too late', async () => {
  const backend = await bed.backend(always('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nok'));
  const sent = bed.send(backend.origin);
  await sent.headCame;
  sent.call.pause();
  bed.timers.advance(31_000);
  bed.timers.advance(31_000);
  sent.call.resume();
  backend.sockets[0]?.write('ok');
  assert.equal((await sent.outcome).body, 'okok');
});

test('idle connections are closed in time, and a second before the back end would', async () => {
  const answers = ['', 'Keep-Alive: timeout=5\r\n', 'Keep-Alive: timeout=1\r\n'];
  for (const [keepAlive, keptMs] of [[0, 14_000] as const, [1, 3_000] as const]) {
    const backend = await bed.backend(
      always(`HTTP/1.1 200 OK\r\n${answers[keepAlive]}Content-Length: 0\r\n\r\n`),
    );
    await bed.send(backend.origin).outcome;
    for (let ms = 0; ms < keptMs; ms += 1_000) bed.timers.advance(1_000);
    await bed.send(backend.origin).outcome;
    assert.equal(backend.sockets.length, 1);
    for (let ms = 0; ms < keptMs + 1_000; ms += 1_000) bed.timers.advance(1_000);
    await until(() => backend.sockets[0]?.closed === true);
  }
  const brief = await bed.backend(always(`HTTP/1.1 200 OK\r\n${answers[2]}Content-Length: 0\r\n\r\n`));
  await bed.send(brief.origin).outcome;
  await until(() => brief.sockets[0]?.closed === true);
});

test('what is unused for a while is forgotten', async () => {
  const backend = await bed.backend(always(OK));
  await bed.send(backend.origin).outcome;
  bed.timers.advance(15_000);
  bed.timers.advance(1_000);
  assert.deepEqual(bed.backendClient.stats(), []);
});

test('a connection is not used beyond its lifetime', async () => {
  const backend = await bed.backend(always(OK));
  const origin = { ...backend.origin, connectionLifetimeMs: 2_000 };
  await bed.send(origin).outcome;
  bed.timers.advance(1_500);
  await bed.send(origin).outcome;
  assert.equal(backend.sockets.length, 1);
  bed.timers.advance(600);
  await bed.send(origin).outcome;
  assert.equal(backend.sockets.length, 2);
});

test('further exchanges wait for a connection, and more than may wait fail', async () => {
  const backend = await bed.backend(() => {});
  const origin = { ...backend.origin, maxConnections: 1 };
  const first = bed.send(origin);
  const second = bed.send(origin, { target: '/2' });
  const third = bed.send(origin, { target: '/3' });
  const fourth = bed.send(origin, { target: '/4' });
  assert.deepEqual((await fourth.outcome).failure, { progress: 'not-sent', reason: 'refused' });
  second.call.abort();
  await until(() => backend.received() !== '');
  assert.deepEqual(bed.backendClient.stats(), [{ key: origin.key, inFlight: 1, idle: 0, waiting: 1 }]);
  backend.sockets[0]?.write(OK);
  await first.outcome;
  await until(() => backend.received().includes('/3'));
  backend.sockets[0]?.write(OK);
  assert.equal((await third.outcome).body, 'ok');
  assert.doesNotMatch(backend.received(), /\/2/);
  assert.equal(backend.sockets.length, 1);
});

test('who waits gets a new connection when the busy one breaks', async () => {
  const backend = await bed.backend((socket, received) => {
    if (received.includes('/2')) socket.write(OK);
    else socket.destroy();
  });
  const origin = { ...backend.origin, maxConnections: 1 };
  const first = bed.send(origin);
  const second = bed.send(origin, { target: '/2' });
  assert.equal((await first.outcome).kind, 'error');
  assert.equal((await second.outcome).body, 'ok');
});

test('abort ends the connection, and nothing is said any more', async () => {
  const backend = await bed.backend(always('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok'));
  const sent = bed.send(backend.origin);
  await sent.headCame;
  sent.call.abort();
  await until(() => backend.sockets[0]?.closed === true);
  const early = bed.send(backend.origin);
  early.call.abort();
  assert.equal(bed.backendClient.stats()[0]?.inFlight, 0);
});

test('abort after the answer leaves the connection to others', async () => {
  const backend = await bed.backend(always(OK));
  const first = bed.send(backend.origin);
  await first.outcome;
  const second = bed.send(backend.origin);
  first.call.abort();
  first.call.pause();
  assert.equal((await second.outcome).body, 'ok');
  assert.equal(backend.sockets.length, 1);
});

test('close ends everything, and later exchanges fail', async () => {
  const backend = await bed.backend(() => {});
  const origin = { ...backend.origin, maxConnections: 1 };
  const first = bed.send(origin);
  const second = bed.send(origin);
  await until(() => backend.received() !== '');
  await bed.backendClient.close();
  assert.equal((await first.outcome).failure?.progress, 'unanswered');
  assert.equal((await second.outcome).failure?.progress, 'not-sent');
  assert.equal((await bed.send(origin).outcome).failure?.reason, 'closed');
  await until(() => backend.sockets[0]?.closed === true);
});

test('many at once each get their own answer', async () => {
  const backend = await bed.backend((socket, received) => {
    const [, path = ''] = /GET (\S+)/.exec(received) ?? [];
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${path.length}\r\n\r\n${path}`);
  });
  const origin = testOrigin(backend.origin.port, { maxConnections: 200 });
  const paths = Array.from({ length: 200 }, (_, index) => `/${index}`);
  for (let round = 0; round < 3; round += 1) {
    const bodies = await Promise.all(
      paths.map(async (target) => (await bed.send(origin, { target }).outcome).body),
    );
    assert.deepEqual(bodies, paths);
  }
  assert.ok(backend.sockets.length <= 200);
});
