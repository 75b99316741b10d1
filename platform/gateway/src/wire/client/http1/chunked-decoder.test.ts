import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createChunkedDecoder } from './chunked-decoder.ts';

/** The body and what is behind it, or the status of the refusal; `open` = more has to come. */
function decode(pieces: readonly string[]): string | number {
  const decoder = createChunkedDecoder();
  let body = '';
  let behind = '';
  for (const piece of pieces) {
    const bytes = Buffer.from(piece, 'latin1');
    const end = decoder.decode(bytes, 0, (data) => {
      body += data.toString('latin1');
    });
    if (typeof end !== 'number') return end.status;
    behind += bytes.toString('latin1', end);
  }
  return decoder.isComplete ? `${body}|${behind}` : `${body}|open`;
}

/** As one piece, byte by byte, and cut in two at each place: always the same. */
function decodeAll(text: string): string | number {
  const whole = decode([text]);
  assert.equal(decode([...text]), whole, JSON.stringify(text));
  for (let cut = 1; cut < Math.min(text.length, 200); cut += 1)
    assert.equal(decode([text.slice(0, cut), text.slice(cut)]), whole, `${JSON.stringify(text)} at ${cut}`);
  return whole;
}

describe('a chunked body', () => {
  it('is taken apart wherever it is cut', () => {
    for (const [text, result] of [
      ['0\r\n\r\n', '|'],
      ['5\r\nhello\r\n0\r\n\r\n', 'hello|'],
      ['5\r\nhello\r\n0\r\n\r\nGET / HTTP/1.1', 'hello|GET / HTTP/1.1'],
      ['0005\r\nhello\r\n000\r\n\r\n', 'hello|'],
      ['a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n', '01234567890123456789|'],
      ['5;name\r\nhello\r\n0;last\r\n\r\n', 'hello|'],
      ['5;a=b;c="d;\\"\t e";f\r\nhello\r\n0\r\n\r\n', 'hello|'],
      ['5\r\n\r\n\r\n\r\r\n0\r\n\r\n', '\r\n\r\n\r|'],
      ['5\r\nhello\r\n0\r\nX-Sum: 1\r\nContent-Length: 9\r\n\r\nrest', 'hello|rest'],
      ['5\r\nhel', 'hel|open'],
      ['5\r\nhello\r\n0\r\n', 'hello|open'],
    ] as const)
      assert.equal(decodeAll(text), result);
  });

  it('is refused when it is not well formed', () => {
    for (const text of [
      '\r\nhello',
      '5\nhello\r\n0\r\n\r\n',
      '5\rhello',
      '5\r\nhello0\r\n\r\n',
      '5\r\nhello\r0\r\n',
      '5\r\nhello\n0\r\n',
      '5\r\nhelloX\r\n',
      '0x5\r\nhello',
      '+5\r\nhello',
      '-5\r\nhello',
      ' 5\r\nhello',
      '5 \r\nhello',
      '5\t\r\nhello',
      '5,5\r\nhello',
      '5_0\r\nhello',
      'g\r\nhello',
      '7fffffffffffffff\r\n',
      '20000000000000\r\n',
      `${'0'.repeat(65)}5\r\nhello`,
      '5;\r\nhello',
      '5;=x\r\nhello',
      '5;a=\r\nhello',
      '5;a="x\r\nhello',
      '5;a="x"y\r\nhello',
      '5;a b\r\nhello',
      '5;a\nX\r\nhello',
      '5;a\u0000b\r\nhello',
      '5;a="\u0001"\r\nhello',
      '5;a="\\\r\n"\r\nhello',
      '0\r\nX: y\r\n z\r\n\r\n',
      '0\r\nX : y\r\n\r\n',
      '0\r\nX: \u00e9\r\n\r\n',
      '0\r\nnothing\r\n\r\n',
      '0\n\n',
      '0\r\n\n',
    ])
      assert.equal(decodeAll(text), 400, JSON.stringify(text));
  });

  it('has bounded extensions and trailers, and small chunks as many as it likes', () => {
    assert.equal(decode([`5;${'x'.repeat(20_000)}\r\nhello\r\n0\r\n\r\n`]), 413);
    assert.equal(decode([`${'1;eeeeeeeeeeeeeeeeeeeeeeee\r\nx\r\n'.repeat(1_200)}0\r\n\r\n`]), 413);
    assert.equal(decode([`0\r\nX: ${'t'.repeat(20_000)}\r\n\r\n`]), 431);
    assert.equal(decode([`0\r\n${'X: t\r\n'.repeat(101)}\r\n`]), 431);
    assert.equal(decode(['0001\r\nx\r\n'.repeat(20_000), '0\r\n\r\n']), `${'x'.repeat(20_000)}|`);
  });
});
