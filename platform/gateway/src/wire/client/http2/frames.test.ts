import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { afterEach, beforeEach, test } from 'node:test';
import { type BackendBed, createBackendBed, until } from '../../../../test/backend-rig.ts';
import {
  ACK,
  DATA,
  END_HEADERS,
  END_STREAM,
  type Frame,
  frame,
  framesOf,
  HEADERS,
  hasEndStream,
  PREFACE,
  RST_STREAM,
  resetFrame,
  SETTINGS,
} from '../../../../test/http2-frames.ts';
import { listenHttp2 } from '../../../../test/http2-proxy.ts';
import type { ClientResponse } from '../../rules/response.ts';
import type { Incoming } from '../incoming.ts';

// A client that writes frames itself: Node's own ends streams properly that its user wants broken.

/** POST, http, `/`, and a literal `:authority: a`. */
const POST = Buffer.from([0x83, 0x86, 0x84, 0x01, 1, 0x61]);
const OPENING = Buffer.concat([
  Buffer.from(PREFACE),
  frame(SETTINGS, 0, 0),
  frame(HEADERS, END_HEADERS, 1, POST),
]);
const PIECE = frame(DATA, 0, 1, Buffer.from('a'));

let bed: BackendBed;
beforeEach(() => {
  bed = createBackendBed();
});
afterEach(() => bed.close());

/** Sends the bytes; the frames that came back so far. */
function speak(port: number, bytes: Buffer) {
  let received = Buffer.alloc(0);
  const socket = connect(port, '127.0.0.1').on('error', () => {});
  socket.on('data', (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
  });
  socket.write(bytes);
  bed.defer(() => socket.destroy());
  return { socket, frames: (): Frame[] => framesOf(received, 0) };
}

test('S9: a body that END_STREAM did not end is broken, whatever ended it', async () => {
  for (const [name, more, after] of [
    ['CANCEL', resetFrame(8)],
    ['NO_ERROR', resetFrame(0)],
    ['the end of the connection', Buffer.alloc(0), 'end'],
    ['a reset of the connection', Buffer.alloc(0), 'reset'],
  ] as const) {
    let outcome: string | undefined;
    let pieces = 0;
    const states: string[] = [];
    const proxy = await listenHttp2(bed, ({ body, answer }: Incoming) => {
      answer.onClose = () => states.push(answer.state);
      const data = () => {
        pieces += 1;
      };
      const end = () => {
        outcome = 'end';
      };
      body.read({ data, end, error: (refusal) => (outcome = refusal?.code ?? 'gone') }, 100);
    });
    const { socket } = speak(proxy.port, Buffer.concat([OPENING, PIECE]));
    await until(() => pieces === 1);
    socket.write(more);
    if (after === 'end') socket.end();
    if (after === 'reset') socket.resetAndDestroy();
    await until(() => outcome !== undefined && states.length > 0);
    assert.deepEqual({ name, outcome, states }, { name, outcome: 'gone', states: ['gone'] });
  }
});

test('U4: an answer that is aborted is never completed on the wire', async () => {
  const head = { status: 200, reason: '', fields: { names: [], values: [] }, bodyBytes: undefined };
  const aborts: Record<string, (answer: ClientResponse) => void> = {
    'at once': (answer) => answer.abort(),
    'after the head': (answer) => {
      answer.start(head);
      answer.abort();
    },
    'after data': (answer) => {
      answer.start(head);
      answer.write(Buffer.from('ok'));
      answer.abort();
    },
    'after data that went out': (answer) => {
      answer.start(head);
      answer.write(Buffer.from('ok'));
      setTimeout(() => answer.abort(), 20);
    },
  };
  for (const [name, abort] of Object.entries(aborts)) {
    const proxy = await listenHttp2(bed, ({ answer }) => abort(answer));
    const { frames } = speak(proxy.port, Buffer.concat([OPENING, frame(DATA, END_STREAM, 1)]));
    await until(() => frames().some(({ type }) => type === RST_STREAM));
    assert.equal(hasEndStream(frames()), false, name);
  }
});

test('a client that provokes resets loses its session as well', async () => {
  const proxy = await listenHttp2(bed, () => {}, { maxResets: 20 });
  const { socket } = speak(proxy.port, Buffer.concat([Buffer.from(PREFACE), frame(SETTINGS, 0, 0)]));
  // Less than announced is an error of the stream: the server has to reset it. `content-length: 5`
  const announced = Buffer.concat([POST, Buffer.from([0x0f, 0x0d, 1, 0x35])]);
  for (let stream = 1; stream < 60; stream += 2)
    socket.write(
      Buffer.concat([frame(HEADERS, END_HEADERS, stream, announced), frame(DATA, END_STREAM, stream)]),
    );
  await until(() => socket.destroyed && proxy.listener.connections() === 0);
});

const ANSWER = { status: 413, reason: '', fields: { names: [], values: [] }, bodyBytes: undefined };

test('answers before the end of a body use up no streams, whatever of the body is unread', async () => {
  const ignored = { data: () => {}, end: () => {}, error: () => {} };
  const ways: Record<string, (incoming: Incoming) => void> = {
    'nobody asked for it': ({ answer }) => answer.send(ANSWER, 'no'),
    'it was held back': ({ body, answer }) => {
      body.read({ ...ignored, data: () => body.pause() }, 100);
      setImmediate(() => answer.send(ANSWER, 'no'));
    },
    'it was given up': ({ body, answer }) => {
      const data = () => {
        body.discard();
        answer.send(ANSWER, 'no');
      };
      body.read({ ...ignored, data }, 100);
    },
    'it was too long': ({ body, answer }) =>
      body.read({ ...ignored, error: () => answer.send(ANSWER, 'no') }, 1),
  };
  for (const [name, way] of Object.entries(ways)) {
    const closed: string[] = [];
    const proxy = await listenHttp2(
      bed,
      (incoming) => {
        incoming.answer.onClose = () => closed.push(incoming.answer.state);
        way(incoming);
      },
      { maxStreams: 4 },
    );
    const { socket, frames } = speak(
      proxy.port,
      Buffer.concat([Buffer.from(PREFACE), frame(SETTINGS, 0, 0)]),
    );
    await until(() => frames().some(({ type }) => type === SETTINGS));
    socket.write(frame(SETTINGS, ACK, 0));
    // Like a client that is stopped by flow control: it neither ends its body nor resets the stream.
    for (let stream = 1; stream < 40; stream += 2) {
      const piece = frame(DATA, 0, stream, Buffer.from('body'));
      socket.write(Buffer.concat([frame(HEADERS, END_HEADERS, stream, POST), piece, piece]));
      await until(() => frames().some((sent) => sent.type === RST_STREAM && sent.stream === stream));
    }
    const answered = frames().filter(({ type }) => type === HEADERS).length;
    assert.deepEqual({ name, answered }, { name, answered: 20 });
    await until(() => closed.length === 20);
    // Nothing counts as open any more: the session is idle.
    bed.timers.advance(90_000);
    await until(() => proxy.listener.connections() === 0);
  }
});

test('a request that is taken back with NO_ERROR while its body is held back is noticed', async () => {
  let outcome: string | undefined;
  let isHeldBack = false;
  const states: string[] = [];
  const proxy = await listenHttp2(bed, ({ body, answer }) => {
    answer.onClose = () => states.push(answer.state);
    const data = () => {
      body.pause();
      isHeldBack = true;
    };
    body.read({ data, end: () => (outcome = 'end'), error: () => (outcome = 'gone') }, 100);
  });
  const { socket } = speak(proxy.port, Buffer.concat([OPENING, PIECE]));
  await until(() => isHeldBack);
  socket.write(Buffer.concat([PIECE, resetFrame(0)]));
  await until(() => states.length > 0);
  assert.deepEqual({ outcome, states }, { outcome: 'gone', states: ['gone'] });
});
