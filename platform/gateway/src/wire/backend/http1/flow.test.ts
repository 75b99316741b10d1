import assert from 'node:assert/strict';
import { createServer, type Socket } from 'node:net';
import { afterEach, beforeEach, test } from 'node:test';
import { createServer as createTlsServer } from 'node:tls';
import {
  type BackendBed,
  createBackendBed,
  testBody,
  testOrigin,
  testRequest,
  until,
} from '../../../../test/backend-rig.ts';
import { createTestCertificate } from '../../../../test/certificate.ts';
import type { Origin, ResponseSink } from '../backend-call.ts';

const MEBIBYTE = Buffer.alloc(1_048_576, 'x');
const TOTAL_BYTES = 128 * MEBIBYTE.length;
/** What kernel buffers on both sides may hold, generously. */
const KERNEL_BYTES = 24 * MEBIBYTE.length;

let bed: BackendBed;
beforeEach(() => {
  bed = createBackendBed();
});
afterEach(() => bed.close());

/** Writes `TOTAL_BYTES` as fast as they are taken. */
function pour(socket: Socket, onWritten: (bytes: number) => void): void {
  socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${TOTAL_BYTES}\r\n\r\n`);
  let written = 0;
  const next = () => {
    while (written < TOTAL_BYTES) {
      written += MEBIBYTE.length;
      onWritten(written);
      if (!socket.write(MEBIBYTE)) return;
    }
  };
  socket.on('drain', next);
  next();
}

interface Download {
  readonly received: () => number;
  readonly ended: () => boolean;
  readonly pausedBytes: () => number;
  readonly resume: () => void;
}

/** Pauses at the first chunk and counts what comes nevertheless. */
function download(origin: Origin): Download {
  let received = 0;
  let paused = 0;
  let isPaused = false;
  let isEnded = false;
  const sink: ResponseSink = {
    head: () => {},
    data: (chunk) => {
      received += chunk.length;
      if (isPaused) paused += chunk.length;
      else if (received === chunk.length) {
        isPaused = true;
        call.pause();
      }
    },
    end: () => {
      isEnded = true;
    },
    error: (failure) => assert.fail(JSON.stringify(failure)),
    switched: () => assert.fail('switched'),
  };
  const call = bed.backendClient.send(origin, testRequest(), sink);
  return {
    received: () => received,
    ended: () => isEnded,
    pausedBytes: () => paused,
    resume: () => {
      isPaused = false;
      call.resume();
    },
  };
}

async function holdsBack(origin: Origin, written: () => number): Promise<void> {
  const before = process.memoryUsage.rss();
  const reading = download(origin);
  let last = -1;
  await until(() => reading.received() > 0);
  // The back end can write no more once the buffers of the kernel are full.
  await until(() => {
    const isStill = written() === last;
    last = written();
    return isStill;
  });
  assert.ok(written() < KERNEL_BYTES, `${written()} bytes written while nobody reads`);
  assert.ok(reading.pausedBytes() <= 65_536, `${reading.pausedBytes()} bytes delivered while paused`);
  reading.resume();
  await until(() => reading.ended());
  assert.equal(reading.received(), TOTAL_BYTES);
  const grownMiB = (process.memoryUsage.rss() - before) / MEBIBYTE.length;
  assert.ok(grownMiB < 100, `${grownMiB.toFixed(0)} MiB more for a body that passes through`);
}

test('a paused answer stops the back end, and a large one passes in flat memory', async () => {
  let written = 0;
  const backend = await bed.backend((socket) =>
    pour(socket, (bytes) => {
      written = bytes;
    }),
  );
  await holdsBack(backend.origin, () => written);
});

test('the same over TLS', async () => {
  const { cert, key } = createTestCertificate();
  let written = 0;
  const server = createTlsServer({ cert, key }, (socket) => {
    socket
      .on('error', () => {})
      .on('data', () =>
        pour(socket, (bytes) => {
          written = bytes;
        }),
      );
  });
  const port = await bed.listen(server);
  await holdsBack(testOrigin(port, { secure: true, tls: { ca: cert } }), () => written);
});

test('a back end that reads slowly stops the client', async () => {
  let arrived = 0;
  const server = createServer((socket) => {
    socket.once('data', () => socket.pause());
    socket.on('data', (chunk) => {
      arrived += chunk.length;
      if (arrived > TOTAL_BYTES) socket.write('HTTP/1.1 204 No Content\r\n\r\n');
    });
    resume = () => socket.resume();
  });
  let resume = () => {};
  const port = await bed.listen(server);
  let sentBytes = 0;
  const body = testBody({ kind: 'length', bytes: TOTAL_BYTES }, (sink, source) => {
    const next = () => {
      if (!source.paused) {
        sentBytes += MEBIBYTE.length;
        sink.data(MEBIBYTE);
      }
      if (sentBytes === TOTAL_BYTES) sink.end();
      else if (!source.discarded) setImmediate(next);
    };
    next();
  });
  const sent = bed.send(testOrigin(port), { method: 'PUT', body });
  await until(() => body.paused);
  assert.ok(sentBytes < KERNEL_BYTES, `${sentBytes} bytes taken`);
  resume();
  assert.equal((await sent.outcome).head?.status, 204);
  assert.equal(sentBytes, TOTAL_BYTES);
});
