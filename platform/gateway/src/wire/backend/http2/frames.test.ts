import assert from 'node:assert/strict';
import { createServer, type Socket } from 'node:net';
import { afterEach, beforeEach, test } from 'node:test';
import {
  type BackendBed,
  createBackendBed,
  testBody,
  testOrigin,
  until,
} from '../../../../test/backend-rig.ts';
import {
  DATA,
  END_HEADERS,
  END_STREAM,
  type Frame,
  frame,
  framesOf,
  GOAWAY,
  HEADERS,
  hasEndStream,
  PREFACE,
  RST_STREAM,
  resetFrame as reset,
  SETTINGS,
} from '../../../../test/http2-frames.ts';
import type { BodySink } from '../../rules/request.ts';
import type { Origin } from '../backend-call.ts';

// A back end that writes frames itself: Node's own server ends streams properly that its user wants broken.

/** `:status: 200` in the static table of HPACK. */
const STATUS_200 = Buffer.from([0x88]);

function length(bytes: string): Buffer {
  // literal without indexing, name 28 of the static table: content-length
  return Buffer.concat([Buffer.from([0x0f, 0x0d, bytes.length]), Buffer.from(bytes)]);
}

let bed: BackendBed;
/** What the back end has received. */
let seen: Frame[] = [];
beforeEach(() => {
  seen = [];
  bed = createBackendBed();
});
afterEach(() => bed.close());

/** Answers stream 1 with these frames once its request has come, then does `after`. */
async function answering(frames: Buffer[], after: (socket: Socket) => void = () => {}): Promise<Origin> {
  const server = createServer((socket) => {
    let received = Buffer.alloc(0);
    let isAnswered = false;
    socket.write(Buffer.concat([frame(SETTINGS, 0, 0), frame(SETTINGS, 1, 0)]));
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      seen = framesOf(received, PREFACE.length);
      if (isAnswered || !seen.some(({ type }) => type === HEADERS)) return;
      isAnswered = true;
      socket.write(Buffer.concat(frames), () => after(socket));
    });
  });
  return testOrigin(await bed.listen(server), { protocol: '2' });
}

const CHUNKED = { kind: 'chunked' } as const;
const head = frame(HEADERS, END_HEADERS, 1, STATUS_200);
const ok = frame(DATA, 0, 1, Buffer.from('ok'));

test('END_STREAM is a clean end', async () => {
  for (const frames of [
    [head, frame(DATA, END_STREAM, 1, Buffer.from('ok'))],
    [head, ok, frame(DATA, END_STREAM, 1)],
    // Trailers: a literal field `a: b` with a new name.
    [head, ok, frame(HEADERS, END_HEADERS | END_STREAM, 1, Buffer.from([0, 1, 0x61, 1, 0x62]))],
    [
      frame(HEADERS, END_HEADERS, 1, Buffer.concat([STATUS_200, length('2')])),
      frame(DATA, END_STREAM, 1, Buffer.from('ok')),
    ],
  ]) {
    const { kind, body } = await bed.send(await answering(frames)).outcome;
    assert.deepEqual({ kind, body }, { kind: 'end', body: 'ok' });
  }
});

test('an answer that END_STREAM did not end is broken, whatever ended it', async () => {
  const wrong: string[] = [];
  for (const [name, frames, after] of [
    ['RST_STREAM with CANCEL', [head, ok, reset(8)]],
    ['RST_STREAM with INTERNAL_ERROR', [head, ok, reset(2)]],
    ['RST_STREAM with NO_ERROR', [head, ok, reset(0)]],
    ['the end of the connection', [head, ok], (socket: Socket) => socket.end()],
    ['a reset of the connection', [head, ok], (socket: Socket) => socket.resetAndDestroy()],
    [
      'less than announced',
      [
        frame(HEADERS, END_HEADERS, 1, Buffer.concat([STATUS_200, length('3')])),
        frame(DATA, END_STREAM, 1, Buffer.from('ok')),
      ],
    ],
  ] as [string, Buffer[], ((socket: Socket) => void)?][]) {
    const { kind, failure } = await bed.send(await answering(frames, after)).outcome;
    if (failure?.progress !== 'broken') wrong.push(`${name}: ${kind} ${failure?.progress}`);
  }
  assert.deepEqual(wrong, []);
});

test('the same while the request is still being sent', async () => {
  for (const frames of [
    [head, ok, reset(0)],
    [head, ok, reset(8)],
  ]) {
    const body = testBody({ kind: 'chunked' }, (sink) => sink.data(Buffer.from('a')));
    const { kind, failure } = await bed.send(await answering(frames), { method: 'POST', body }).outcome;
    assert.deepEqual({ kind, progress: failure?.progress }, { kind: 'error', progress: 'broken' });
  }
});

test('G3: a request that is given up is never completed', async () => {
  const hasReset = () => seen.some(({ type }) => type === RST_STREAM);
  const giveUps: Record<string, (sink: BodySink) => void> = {
    broken: (sink) => sink.error(undefined),
    aborted: () => {},
    'too short': (sink) => sink.end(),
  };
  for (const [name, giveUp] of Object.entries(giveUps)) {
    seen = [];
    const framing = name === 'too short' ? ({ kind: 'length', bytes: 9 } as const) : CHUNKED;
    const body = testBody(framing, (sink) => {
      sink.data(Buffer.from('a'));
      giveUp(sink);
    });
    const sent = bed.send(await answering([]), { method: 'POST', body });
    await until(() => body.state !== 'unread');
    if (name === 'aborted') sent.call.abort();
    await until(hasReset);
    assert.equal(hasEndStream(seen), false, name);
  }
});

test('a session that gives no sign of life is given up', async () => {
  const sent = bed.send(await answering([]));
  await until(() => seen.some(({ type }) => type === HEADERS));
  bed.timers.advance(15_000);
  bed.timers.advance(15_000);
  assert.equal((await sent.outcome).failure?.progress, 'unanswered');
});

test('an answer before the end of the body does not complete the request', async () => {
  const body = testBody({ kind: 'chunked' }, (sink) => sink.data(Buffer.from('a')));
  const end = frame(DATA, END_STREAM, 1, Buffer.from('ok'));
  const outcome = await bed.send(await answering([head, end]), { method: 'POST', body }).outcome;
  assert.equal(outcome.body, 'ok');
  await until(() => seen.some(({ type }) => type === RST_STREAM));
  assert.equal(hasEndStream(seen), false);
});

test('GOAWAY with an error: what was not looked at was not sent', async () => {
  for (const [lastStream, progress] of [
    [0, 'not-sent'],
    [1, 'unanswered'],
  ] as const) {
    const payload = Buffer.alloc(8);
    payload.writeUInt32BE(lastStream);
    payload.writeUInt32BE(2, 4);
    const { failure } = await bed.send(await answering([frame(GOAWAY, 0, 0, payload)])).outcome;
    assert.equal(failure?.progress, progress);
  }
});
