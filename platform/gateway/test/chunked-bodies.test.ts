import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createChunkReader } from '../src/wire/backend/http1/response-chunks.ts';
import { createChunkedDecoder } from '../src/wire/client/http1/chunked-decoder.ts';

// Bodies of clients and of back ends are taken apart by two pieces of code, each made for its own buffers: a client's for one request, a
// back end's for a connection. What is a body, and where it ends, must be the same for both.

const LONG_EXTENSION = `;a=${'b'.repeat(16_384)}`;

/** The text, and what it comes to: the body, or `undefined` = it is none. */
const TEXTS: readonly (readonly [text: string, body: string | undefined])[] = [
  ['0\r\n\r\n', ''],
  ['5\r\nhello\r\n0\r\n\r\n', 'hello'],
  ['5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n', 'hello!'],
  ['a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n', '01234567890123456789'],
  ['005\r\nhello\r\n000\r\n\r\n', 'hello'],
  ['2\r\n\r\n\r\n0\r\n\r\n', '\r\n'],
  ['5;a=b\r\nhello\r\n0;c="d e"\r\n\r\n', 'hello'],
  ['5;a="\\"\r"\r\nhello\r\n0\r\n\r\n', undefined],
  ['5;a="\\""\r\nhello\r\n0\r\n\r\n', 'hello'],
  ['5\r\nhello\r\n0\r\nA: b\r\nC: d\r\n\r\n', 'hello'],
  ['5\r\nhello\r\n0\r\nA\r\n\r\n', undefined],
  ['5\r\nhello\r\n0\r\n: b\r\n\r\n', undefined],
  ['5\r\nhello\r\n0\r\nA: b\n\r\n', undefined],
  ['5\r\nhello0\r\n\r\n', undefined],
  ['5\nhello\r\n0\r\n\r\n', undefined],
  ['5\r\nhello\n0\r\n\r\n', undefined],
  ['5 \r\nhello\r\n0\r\n\r\n', undefined],
  [' 5\r\nhello\r\n0\r\n\r\n', undefined],
  ['+5\r\nhello\r\n0\r\n\r\n', undefined],
  ['-1\r\nhello\r\n0\r\n\r\n', undefined],
  ['0x5\r\nhello\r\n0\r\n\r\n', undefined],
  ['5_0\r\nhello\r\n0\r\n\r\n', undefined],
  ['g\r\nhello\r\n0\r\n\r\n', undefined],
  ['\r\nhello\r\n0\r\n\r\n', undefined],
  ['ffffffffffffffff\r\nhello', undefined],
  [`${'0'.repeat(80)}5\r\nhello\r\n0\r\n\r\n`, undefined],
  [`5${LONG_EXTENSION}\r\nhello\r\n0\r\n\r\n`, undefined],
];

const BEHIND = 'GET / HTTP/1.1\r\n';

interface Outcome {
  readonly body: string | undefined;
  /** Bytes that belong to the body. */
  readonly end: number | undefined;
}

function ofClient(text: Buffer, step: number): Outcome {
  const decoder = createChunkedDecoder();
  let body = '';
  for (let start = 0; start < text.length; start += step) {
    const piece = text.subarray(start, start + step);
    const end = decoder.decode(piece, 0, (data) => {
      body += data.toString('latin1');
    });
    if (typeof end !== 'number') return { body: undefined, end: undefined };
    if (decoder.isComplete) return { body, end: start + end };
  }
  return { body: undefined, end: undefined };
}

function ofBackend(text: Buffer, step: number): Outcome {
  let body = '';
  const reader = createChunkReader((data) => {
    body += data.toString('latin1');
  });
  for (let start = 0; start < text.length; start += step) {
    const piece = text.subarray(start, start + step);
    const end = reader.read(piece, 0, piece.length);
    if (end === -1) return { body: undefined, end: undefined };
    if (reader.isComplete) return { body, end: start + end };
  }
  return { body: undefined, end: undefined };
}

test('a chunked body is the same for clients and back ends, however it arrives', () => {
  for (const [text, body] of TEXTS) {
    const bytes = Buffer.from(text + BEHIND, 'latin1');
    const expected = { body, end: body === undefined ? undefined : text.length };
    for (const step of [bytes.length, 1, 3]) {
      const name = `${JSON.stringify(text.slice(0, 60))} by ${step}`;
      assert.deepEqual(ofClient(bytes, step), expected, `a client's ${name}`);
      assert.deepEqual(ofBackend(bytes, step), expected, `a back end's ${name}`);
    }
  }
});
