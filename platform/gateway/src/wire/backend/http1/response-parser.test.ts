import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createResponseParser, type Reading } from './response-parser.ts';

interface Parsed {
  readonly reading: Reading;
  readonly status: number | undefined;
  readonly fields: string;
  readonly bodyBytes: number | undefined;
  readonly body: string;
  readonly persistent: boolean;
  readonly keepAliveMs: number | undefined;
  /** What lies behind the answer. */
  readonly surplus: string;
  readonly endsWithConnection: boolean;
}

/** Parses `pieces` one after the other, up to the end of the answer. */
function parse(pieces: readonly string[], { method = 'GET', upgrade = false } = {}): Parsed {
  let status: number | undefined;
  let fields = '';
  let body = '';
  let bodyBytes: number | undefined;
  let persistent = false;
  let keepAliveMs: number | undefined;
  const parser = createResponseParser({
    head: (final) => {
      assert.equal(status, undefined, 'one head only');
      status = final.head.status;
      fields = final.head.fields.names
        .map(({ text }, index) => `${text}: ${final.head.fields.values[index]}`)
        .join('\n');
      bodyBytes = final.head.bodyBytes;
      persistent = final.persistent;
      keepAliveMs = final.keepAliveMs;
      return true;
    },
    data: (chunk) => {
      body += chunk.toString('latin1');
    },
  });
  parser.begin(method, upgrade);
  let reading: Reading = 'more';
  let surplus = '';
  for (const piece of pieces) {
    if (reading !== 'more') {
      surplus += piece;
      continue;
    }
    const bytes = Buffer.from(piece, 'latin1');
    reading = parser.feed(bytes, bytes.length);
    if (reading === 'end' || reading === 'switched') surplus = piece.slice(parser.consumed);
  }
  const { endsWithConnection } = parser;
  return { reading, status, fields, bodyBytes, body, persistent, keepAliveMs, surplus, endsWithConnection };
}

const OK = 'HTTP/1.1 200 OK\r\n';

const WHOLE: [string, string, Partial<Parsed>, { method?: string; upgrade?: boolean }?][] = [
  ['a length', `${OK}Content-Length: 2\r\nX-A: 1\r\n\r\nhi`, { body: 'hi', fields: 'X-A: 1', bodyBytes: 2 }],
  ['no body', `${OK}Content-Length: 0\r\n\r\n`, { body: '', persistent: true }],
  ['chunks', `${OK}Transfer-Encoding: CHUNKED\r\n\r\n2\r\nhi\r\n0003\r\nyou\r\n0\r\n\r\n`, { body: 'hiyou' }],
  [
    'quoted chunk extensions',
    `${OK}Transfer-Encoding: chunked\r\n\r\n2;a=b;c=";\\"x"\r\nhi\r\n0;z\r\n\r\n`,
    { body: 'hi' },
  ],
  ['trailers', `${OK}Transfer-Encoding: chunked\r\n\r\n0\r\nX-A: b\r\nC:\r\n\r\n`, { body: '', fields: '' }],
  ['HEAD', `${OK}Content-Length: 9\r\n\r\n`, { body: '', bodyBytes: 9 }, { method: 'HEAD' }],
  ['HEAD of chunks', `${OK}Transfer-Encoding: chunked\r\n\r\n`, { bodyBytes: undefined }, { method: 'HEAD' }],
  ['204', 'HTTP/1.1 204 No Content\r\n\r\n', { status: 204, bodyBytes: 0, persistent: true }],
  ['304 with a length', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n', { bodyBytes: 7, body: '' }],
  ['no reason', 'HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n', { status: 200 }],
  ['no reason and no blank', 'HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n', { status: 200 }],
  [
    'interim answers',
    `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n${OK}Content-Length: 0\r\n\r\n`,
    { status: 200, fields: '' },
  ],
  ['close', `${OK}Connection: Close\r\nContent-Length: 0\r\n\r\n`, { persistent: false, fields: '' }],
  ['keep-alive', `${OK}Keep-Alive: timeout=5, max=9\r\nContent-Length: 0\r\n\r\n`, { keepAliveMs: 5_000 }],
  ['HTTP/1.0', 'HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n', { persistent: false }],
  [
    'HTTP/1.0 kept',
    'HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n',
    { persistent: true },
  ],
  [
    'named fields',
    `${OK}Connection: x-a, keep-alive\r\nX-A: 1\r\nX-B: 2\r\nContent-Length: 0\r\n\r\n`,
    { fields: 'X-B: 2' },
  ],
  [
    'hop-by-hop fields',
    `${OK}Upgrade: h2c\r\nTrailer: x\r\nProxy-Connection: a\r\nTE: a\r\nX: 1\r\nContent-Length: 0\r\n\r\n`,
    { fields: 'X: 1' },
  ],
  [
    'repeated fields',
    `${OK}Set-Cookie: a\r\nSet-Cookie: b\r\nContent-Length: 0\r\n\r\n`,
    { fields: 'Set-Cookie: a\nSet-Cookie: b' },
  ],
  [
    'blanks around and bytes in values',
    `${OK}A: \t\xe9 b\t \r\nB:\r\nContent-Length: 0\r\n\r\n`,
    { fields: 'A: \xe9 b\nB: ' },
  ],
  [
    '101',
    'HTTP/1.1 101 S\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\nX: 1\r\n\r\n',
    { reading: 'switched', fields: 'X: 1' },
    { upgrade: true },
  ],
  ['an answer to a handshake', `${OK}Content-Length: 2\r\n\r\nhi`, { body: 'hi' }, { upgrade: true }],
];

for (const [name, bytes, expected, options] of WHOLE)
  test(`reads an answer, however it is cut: ${name}`, () => {
    const whole = parse([bytes], options);
    const wanted: Partial<Parsed> = { reading: 'end', ...expected };
    for (const [key, value] of Object.entries(wanted))
      assert.deepEqual(whole[key as keyof Parsed], value, key);
    for (let cut = 1; cut < bytes.length; cut += 1)
      assert.deepEqual(parse([bytes.slice(0, cut), bytes.slice(cut)], options), whole, `cut at ${cut}`);
    assert.deepEqual(parse([...bytes], options), whole, 'byte by byte');
  });

const BROKEN: [string, string, { method?: string; upgrade?: boolean }?][] = [
  ['both framings', `${OK}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n`],
  ['both framings, other order', `${OK}Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n`],
  ['two lengths', `${OK}Content-Length: 2\r\nContent-Length: 3\r\n\r\nhi`],
  ['one length twice', `${OK}Content-Length: 2\r\nContent-Length: 2\r\n\r\nhi`],
  ['a list of lengths', `${OK}Content-Length: 2, 2\r\n\r\nhi`],
  ['a signed length', `${OK}Content-Length: +2\r\n\r\nhi`],
  ['an empty length', `${OK}Content-Length:\r\n\r\nhi`],
  ['a length beyond 2^53', `${OK}Content-Length: 9007199254740992\r\n\r\n`],
  ['a hexadecimal length', `${OK}Content-Length: 0x2\r\n\r\nhi`],
  ['another coding', `${OK}Transfer-Encoding: gzip, chunked\r\n\r\n`],
  ['chunked twice', `${OK}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n`],
  ['identity', `${OK}Transfer-Encoding: identity\r\n\r\n`],
  ['chunks in HTTP/1.0', 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'],
  ['a NUL', `${OK}X: a\0b\r\n\r\n`],
  ['a bare CR', `${OK}X: a\rb\r\n\r\n`],
  ['a bare LF', `${OK}X: a\n`],
  ['only LF', 'HTTP/1.1 200 OK\n'],
  ['DEL', `${OK}X: a\x7fb\r\n\r\n`],
  ['no colon', `${OK}X\r\n\r\n`],
  ['no name', `${OK}: x\r\n\r\n`],
  ['a blank before the colon', `${OK}X : x\r\n\r\n`],
  ['a folded line', `${OK}X: x\r\n y\r\n\r\n`],
  ['a fold before the first field', `${OK} X: x\r\n\r\n`],
  ['a control character in the reason', 'HTTP/1.1 200 O\x01K\r\n\r\n'],
  ['HTTP/2', 'HTTP/2 200 OK\r\n\r\n'],
  ['HTTP/1.2', 'HTTP/1.2 200 OK\r\n\r\n'],
  ['http', 'http/1.1 200 OK\r\n\r\n'],
  ['two digits', 'HTTP/1.1 20 OK\r\n\r\n'],
  ['four digits', 'HTTP/1.1 2000 OK\r\n\r\n'],
  ['status 099', 'HTTP/1.1 099 OK\r\n\r\n'],
  ['status 600', 'HTTP/1.1 600 OK\r\n\r\n'],
  ['an empty line first', `\r\n${OK}\r\n`],
  ['a tab in the status line', 'HTTP/1.1\t200 OK\r\n\r\n'],
  ['101 without being asked', 'HTTP/1.1 101 S\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n'],
  [
    '101 to something else',
    'HTTP/1.1 101 S\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n',
    { upgrade: true },
  ],
  ['101 without Connection', 'HTTP/1.1 101 S\r\nUpgrade: websocket\r\n\r\n', { upgrade: true }],
  ['an interim answer with a body', 'HTTP/1.1 103 E\r\nContent-Length: 3\r\n\r\n'],
  ['33 interim answers', 'HTTP/1.1 100 Continue\r\n\r\n'.repeat(33)],
  ['a control character in a quoted extension', `${OK}Transfer-Encoding: chunked\r\n\r\n2;c="d\\"\r"\r\n`],
  ['an empty chunk size', `${OK}Transfer-Encoding: chunked\r\n\r\n\r\n`],
  ['a chunk size that is none', `${OK}Transfer-Encoding: chunked\r\n\r\nx\r\n`],
  ['a signed chunk size', `${OK}Transfer-Encoding: chunked\r\n\r\n+2\r\n`],
  ['a prefixed chunk size', `${OK}Transfer-Encoding: chunked\r\n\r\n0x2\r\n`],
  ['a blank behind the chunk size', `${OK}Transfer-Encoding: chunked\r\n\r\n2 \r\n`],
  ['a huge chunk size', `${OK}Transfer-Encoding: chunked\r\n\r\n20000000000000\r\n`],
  ['a chunk too long', `${OK}Transfer-Encoding: chunked\r\n\r\n2\r\nhix`],
  ['a chunk that ends with LF', `${OK}Transfer-Encoding: chunked\r\n\r\n2\r\nhi\n`],
  ['a chunk size that ends with LF', `${OK}Transfer-Encoding: chunked\r\n\r\n2\n`],
  ['a trailer without colon', `${OK}Transfer-Encoding: chunked\r\n\r\n0\r\nx\r\n\r\n`],
  ['a folded trailer', `${OK}Transfer-Encoding: chunked\r\n\r\n0\r\nx: y\r\n z\r\n\r\n`],
  ['extensions without end', `${OK}Transfer-Encoding: chunked\r\n\r\n2;${'a'.repeat(16_500)}`],
  ['trailers without end', `${OK}Transfer-Encoding: chunked\r\n\r\n0\r\n${'a: b\r\n'.repeat(20_000)}`],
];

for (const [name, bytes, options] of BROKEN)
  test(`finds an answer malformed, however it is cut: ${name}`, () => {
    assert.equal(parse([bytes], options).reading, 'malformed');
    if (bytes.length > 1_000) return;
    for (let cut = 1; cut < bytes.length; cut += 1)
      assert.equal(
        parse([bytes.slice(0, cut), bytes.slice(cut)], options).reading,
        'malformed',
        `cut at ${cut}`,
      );
  });

test('bytes behind the answer are told apart from it', () => {
  for (const answer of [
    `${OK}Content-Length: 2\r\n\r\nhi`,
    `${OK}Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n`,
    'HTTP/1.1 204 No Content\r\n\r\n',
  ])
    assert.equal(parse([`${answer}${OK}`]).surplus, OK);
});

test('an answer without framing lasts as long as the connection', () => {
  const { reading, body, endsWithConnection, persistent } = parse([`${OK}\r\nhi`, ' you']);
  assert.deepEqual(
    { reading, body, endsWithConnection, persistent },
    {
      reading: 'more',
      body: 'hi you',
      endsWithConnection: true,
      persistent: false,
    },
  );
});

test('a head of 60 KiB passes, one above 64 KiB does not, with or without line ends', () => {
  const line = `X: ${'v'.repeat(1_019)}\r\n`;
  assert.equal(parse([`${OK}${line.repeat(58)}Content-Length: 0\r\n\r\n`]).reading, 'end');
  assert.equal(parse([`${OK}${line.repeat(65)}Content-Length: 0\r\n\r\n`]).reading, 'head-too-large');
  assert.equal(parse([`${OK}X: ${'v'.repeat(66_000)}`]).reading, 'head-too-large');
});

/** A generator of numbers that gives the same row for the same seed (mulberry32). */
function createRandom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

test('changed answers never throw, and how they are cut makes no difference', () => {
  const random = createRandom(20_26);
  const sources = WHOLE.map(([, bytes, , options]) => ({ bytes, options }));
  const spice = [
    '\r',
    '\n',
    '\0',
    ':',
    ' ',
    '\r\n',
    '0',
    ';',
    '"',
    '\xff',
    'Content-Length: 1\r\n',
    '\r\n\r\n',
  ];
  for (let round = 0; round < 20_000; round += 1) {
    const { bytes, options } = sources[random(sources.length)] ?? { bytes: '', options: undefined };
    let changed = bytes;
    for (let changes = random(3) + 1; changes > 0; changes -= 1) {
      const at = random(changed.length + 1);
      changed = changed.slice(0, at) + (spice[random(spice.length)] ?? '') + changed.slice(at + random(3));
    }
    const cut = random(changed.length + 1);
    const whole = parse([changed], options);
    const halves = parse([changed.slice(0, cut), changed.slice(cut)], options);
    assert.equal(halves.reading, whole.reading, JSON.stringify(changed));
    if (whole.reading === 'end') assert.deepEqual(halves, whole, JSON.stringify(changed));
  }
});

test('an answer that breaks off anywhere is not complete', () => {
  for (const [name, bytes, , options] of WHOLE) {
    const whole = parse([bytes], options);
    if (whole.reading !== 'end') continue;
    for (let length = 1; length < bytes.length; length += 1) {
      const { reading, endsWithConnection } = parse([bytes.slice(0, length)], options);
      assert.equal(reading, 'more', `${name}, ${length} bytes`);
      assert.equal(endsWithConnection, false, `${name}, ${length} bytes`);
    }
  }
});
