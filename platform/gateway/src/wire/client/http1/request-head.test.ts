import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DEFAULT_LIMITS as LIMITS } from '../options.ts';
import { createFieldMemory, createHeadLines, readHeadLines } from './head-lines.ts';
import { readRequestHead } from './request-head.ts';

type Outcome = Exclude<ReturnType<typeof readRequestHead>, never> | 'incomplete';

/** Feeds the text up to each of the `ends`, as bytes would come. */
function readTo(
  text: string,
  ends: Iterable<number>,
): { readonly outcome: Outcome; readonly length: number } {
  const lines = createHeadLines();
  const memory = createFieldMemory();
  for (const end of ends) {
    const state = readHeadLines(text.slice(0, Math.min(end, LIMITS.maxHeadBytes)), lines, memory, LIMITS);
    if (state === 'incomplete') continue;
    return { outcome: state === 'complete' ? readRequestHead(lines) : state, length: lines.at };
  }
  return { outcome: 'incomplete', length: 0 };
}

/** The same however the bytes come. */
function read(text: string): Outcome {
  const whole = readTo(text, [text.length]);
  // Long texts in larger steps, or it takes long.
  const step = text.length > 2_000 ? 97 : 1;
  const ends = Array.from({ length: Math.ceil(text.length / step) }, (_, index) => (index + 1) * step);
  const bytewise = readTo(text, ends);
  assert.deepEqual(bytewise, whole, JSON.stringify(text.slice(0, 200)));
  for (let cut = 1; cut < Math.min(text.length, 120); cut += step)
    assert.deepEqual(readTo(text, [cut, text.length]), whole, `cut at ${cut}`);
  return whole.outcome;
}

const statusOf = (outcome: Outcome): number | string => {
  if (outcome === 'incomplete') return outcome;
  if ('status' in outcome) return outcome.status;
  if ('refusal' in outcome) return outcome.refusal === 'none' ? 'for-gateway' : outcome.refusal.status;
  return 'served';
};

function get(fields: string, line: string = 'GET /a HTTP/1.1'): string {
  return `${line}\r\nHost: shop.test\r\n${fields}\r\n`;
}

function served(text: string) {
  const outcome = read(text);
  assert.ok(outcome !== 'incomplete' && 'target' in outcome, `${statusOf(outcome)}: ${JSON.stringify(text)}`);
  return outcome;
}

function assertStatus(expected: number | string, texts: readonly string[]): void {
  for (const text of texts) assert.equal(statusOf(read(text)), expected, JSON.stringify(text.slice(0, 200)));
}

describe('a request line', () => {
  it('has a method, a target and a version, and one blank between them', () => {
    for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])
      assert.equal(served(get('', `${method} /a?b HTTP/1.1`)).method, method);
    assert.equal(served(get('', 'GET /a HTTP/1.0')).version, '1.0');
    assertStatus(400, [
      get('', 'GET  /a HTTP/1.1'),
      get('', 'GET /a  HTTP/1.1'),
      get('', 'GET /a HTTP/1.1 '),
      get('', ' GET /a HTTP/1.1'),
      get('', 'GET\t/a\tHTTP/1.1'),
      get('', 'GET\u000b/a HTTP/1.1'),
      get('', 'GET/X /a HTTP/1.1'),
      get('', 'G\u00c3T /a HTTP/1.1'),
      get('', 'GET /a'),
      get('', 'GET'),
      get('', 'GET /a b HTTP/1.1'),
      get('', 'GET /a\u0000 HTTP/1.1'),
      get('', 'GET /a\u007f HTTP/1.1'),
      get('', 'GET /\u00e9 HTTP/1.1'),
      get('', 'GET /a\rX HTTP/1.1'),
      get('', 'GET /a http/1.1'),
      get('', 'GET /a HTTP/1.10'),
      get('', 'GET /a HTTP/1,1'),
      get('', 'GET /a ICAP/1.0'),
      get('', 'GET /a HTTP/11'),
      'GET /a HTTP/1.1\nHost: shop.test\n\n',
      '\nGET /a HTTP/1.1\r\nHost: h\r\n\r\n',
      '\rGET /a HTTP/1.1\r\nHost: h\r\n\r\n',
      'GET /a\r\n\r\n',
      '\u0016\u0003\u0001\u0000\u00a5\u0001',
      'SSH-2.0-OpenSSH_9.2\r\n',
      'PROXY TCP4 203.0.113.7 127.0.0.1 1 80\r\nGET /a HTTP/1.1\r\nHost: h\r\n\r\n',
    ]);
    assertStatus(505, [
      get('', 'GET /a HTTP/1.2'),
      get('', 'GET /a HTTP/2.0'),
      get('', 'GET /a HTTP/3.0'),
      'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    ]);
    assertStatus(405, [
      get('', 'get /a HTTP/1.1'),
      get('', 'TRACE /a HTTP/1.1'),
      get('', 'CONNECT shop.test:443 HTTP/1.1'),
      get('', 'PROPFIND /a HTTP/1.1'),
      get('', 'GETX /a HTTP/1.1'),
    ]);
  });

  it('may have empty lines before it', () => {
    assert.equal(served(`\r\n${get('')}`).target.path, '/a');
    assert.equal(served(`\r\n\r\n${get('')}`).target.path, '/a');
  });

  it('has a target that is a path of this host, or asks the gateway', () => {
    assert.deepEqual(served(get('', 'GET http://SHOP.test/x?y HTTP/1.1')).target.path, '/x');
    assertStatus(400, [
      get('', 'GET http://evil.test/x HTTP/1.1'),
      get('', 'GET * HTTP/1.1'),
      get('', 'OPTIONS *x HTTP/1.1'),
      'OPTIONS / HTTP/1.1\r\n\r\n',
      'OPTIONS /a HTTP/1.0\r\n\r\n',
      'GET / HTTP/1.0\r\n\r\n',
      get('', 'GET a HTTP/1.1'),
      get('', 'GET /a/../b HTTP/1.1'),
    ]);
    assertStatus(414, [get('', `GET /${'a'.repeat(8_192)} HTTP/1.1`)]);
    assertStatus('for-gateway', [
      'OPTIONS / HTTP/1.0\r\n\r\n',
      'OPTIONS * HTTP/1.0\r\n\r\n',
      get('', 'OPTIONS * HTTP/1.1'),
      get('Max-Forwards: 0\r\n', 'OPTIONS /a HTTP/1.1'),
    ]);
    assertStatus('served', [
      get('Max-Forwards: 1\r\n', 'OPTIONS /a HTTP/1.1'),
      get('Max-Forwards: 0\r\n'),
      get('', `GET /${'a'.repeat(7_982)} HTTP/1.1`),
    ]);
  });
});

describe('fields', () => {
  it('are kept in order and spelling, blanks around values apart', () => {
    const { fields } = served(get("X-A: \t a\tb \t\r\nx-a:\r\nX!#$%&'*+-.^`|~9: v\r\n__proto__: p\r\n"));
    assert.deepEqual(
      fields.names.map(({ text }) => text),
      ['Host', 'X-A', 'x-a', "X!#$%&'*+-.^`|~9", '__proto__'],
    );
    assert.deepEqual(fields.values, ['shop.test', 'a\tb', '', 'v', 'p']);
  });

  it('are refused when they are not well formed', () => {
    assertStatus(400, [
      get('X : y\r\n'),
      get(' X: y\r\n'),
      get('\tX: y\r\n'),
      'GET /a HTTP/1.1\r\n Host: h\r\n\r\n',
      get('X: y\r\n z\r\n'),
      get('NoColon\r\n'),
      get(': y\r\n'),
      get('X(A): v\r\n'),
      get('X@A: v\r\n'),
      get('X\u0000A: v\r\n'),
      get('"X": v\r\n'),
      get('\u00ffX: v\r\n'),
      get('X: v\u0000\r\n'),
      get('X: \u0001\r\n'),
      get('X: \u000b5\r\n'),
      get('X: a\u007fb\r\n'),
      get('X: caf\u00e9\r\n'),
      get('X: y\nZ: 1\r\n'),
      get('X: y\rZ: 1\r\n'),
      get('X: y\n\rZ: 1\r\n'),
      get('X: y\r\n\n'),
      get('X: y\r\r\n'),
    ]);
  });

  it('have every byte where it may be, and nowhere else', () => {
    const token = /[A-Za-z0-9!#$%&'*+\-.^_`|~]/;
    for (let code = 0; code < 256; code += 1) {
      const character = String.fromCharCode(code);
      const isValue = code === 9 || (code >= 0x20 && code <= 0x7e);
      assert.equal(statusOf(readTo(get(`X: a${character}b\r\n`), [999]).outcome), isValue ? 'served' : 400);
      const isName = token.test(character) || character === ':';
      assert.equal(statusOf(readTo(get(`X${character}b: a\r\n`), [999]).outcome), isName ? 'served' : 400);
    }
  });

  it('are bounded in number and size', () => {
    const many = (count: number) => Array.from({ length: count }, (_, index) => `X-${index}: 1\r\n`).join('');
    assertStatus('served', [
      get(many(99)),
      get(`X: ${'x'.repeat(8_000)}\r\n`),
      get(`X: ${'x'.repeat(12_000)}\r\n`),
    ]);
    assertStatus(431, [
      get(many(100)),
      get(`X: ${'x'.repeat(32_768)}\r\n`),
      get(`${'n'.repeat(257)}: x\r\n`),
      `GET /${'x'.repeat(33_000)}`,
      '\r\n'.repeat(17_000),
    ]);
    const room = LIMITS.maxHeadBytes - get('X: \r\n').length;
    assertStatus('served', [get(`X: ${'x'.repeat(room)}\r\n`)]);
    assertStatus(431, [get(`X: ${'x'.repeat(room + 1)}\r\n`)]);
  });

  it('that must be single are refused when repeated, also with the same value', () => {
    for (const name of [
      'Host',
      'Authorization',
      'Content-Length',
      'Content-Type',
      'Transfer-Encoding',
      'Expect',
      'Idempotency-Key',
      'Origin',
      'Range',
      'Sec-WebSocket-Key',
      'Sec-WebSocket-Version',
    ])
      assertStatus(400, [get(`${name}: 1\r\n${name.toLowerCase()}: 1\r\n`)]);
    assertStatus('served', [get('Accept: a\r\nAccept: b\r\n')]);
  });

  it('of Connection are collected, and may not name the framing', () => {
    const { connectionNames } = served(get('Connection: Keep-Alive, X-Hop\r\nconnection: x-Two\r\n'));
    assert.deepEqual(connectionNames, ['keep-alive', 'x-hop', 'x-two']);
    assertStatus(400, [
      get('Connection: Content-Length\r\n'),
      get('Connection: close, Host\r\n'),
      get('Connection: close\r\nConnection: transfer-encoding\r\n'),
    ]);
  });

  it('with more than five ranges or another expectation are refused', () => {
    assertStatus('served', [get('Range: bytes=0-1,2-3,4-5,6-7,8-9\r\n'), get('Expect: 100-Continue\r\n')]);
    assertStatus(416, [get('Range: bytes=0-1,2-3,4-5,6-7,8-9,9-9\r\n')]);
    assertStatus(417, [get('Expect: 100-continue, x\r\n'), get('Expect: magic\r\n'), get('Expect:\r\n')]);
    assert.equal(served(get('Expect: 100-continue\r\n')).expectsContinue, true);
    assert.equal(served(get('Expect: 100-continue\r\n', 'GET /a HTTP/1.0')).expectsContinue, false);
  });
});

describe('Host', () => {
  it('is one name or address, with or without port', () => {
    const host = (value: string, version = '1.1') => `GET /a HTTP/${version}\r\nHost: ${value}\r\n\r\n`;
    for (const value of [
      'h',
      'SHOP.test',
      'a_b',
      '10.0.0.1:80',
      'h:1',
      'h:65535',
      '[::1]',
      '[::1]:8080',
      '[::ffff:1.2.3.4]',
    ])
      assert.equal(served(host(value)).host, value);
    assertStatus(
      400,
      [
        '',
        ' ',
        'a b',
        'a,b',
        'a, b',
        'u@h',
        'u:p@h',
        'h/x',
        'h?x',
        'h\\x',
        'h%2f',
        '"h"',
        'h:',
        'h:0',
        'h:65536',
        'h:0x50',
        'h:80:81',
        'h:bad',
        ':80',
        '[::1',
        '[shop.test]',
        '[::1]x',
        '[fe80::1%eth0]',
        '[]',
        '::1',
      ].map((value) => host(value)),
    );
    assertStatus(400, [
      'GET /a HTTP/1.1\r\nX: 1\r\n\r\n',
      'GET /a HTTP/1.0\r\n\r\n',
      'GET http://h/a HTTP/1.1\r\n\r\n',
    ]);
  });
});

describe('framing', () => {
  const framing = (fields: string, version = '1.1') => get(fields, `POST /a HTTP/${version}`);

  it('is nothing, a length or plain chunks', () => {
    assert.deepEqual(served(framing('')).framing, { kind: 'none' });
    assert.deepEqual(served(framing('Content-Length: 0\r\n')).framing, { kind: 'length', bytes: 0 });
    assert.deepEqual(served(framing('Content-Length: \t 005  \r\n')).framing, { kind: 'length', bytes: 5 });
    assert.deepEqual(served(framing('content-length: 9007199254740991\r\n')).framing, {
      kind: 'length',
      bytes: 9_007_199_254_740_991,
    });
    assert.deepEqual(served(framing('transfer-encoding: \tChunked \r\n')).framing, { kind: 'chunked' });
    assert.deepEqual(served(framing('Transfer_Encoding: chunked\r\nContent-Length: 5\r\n')).framing, {
      kind: 'length',
      bytes: 5,
    });
  });

  it('is refused when it can be read in two ways', () => {
    for (const value of [
      '',
      '+5',
      '-1',
      '0x5',
      '5,5',
      '5, 5',
      '5;',
      '5 5',
      '1e1',
      '5.0',
      '5_0',
      '"5"',
      '9007199254740992',
      '18446744073709551617',
    ])
      assertStatus(400, [framing(`Content-Length: ${value}\r\n`)]);
    for (const value of [
      '',
      'chunk',
      'xchunked',
      'gzip, chunked',
      'chunked, chunked',
      ',chunked',
      'chunked,',
      'chunked;x',
      '"chunked"',
      'identity',
    ])
      assertStatus(400, [framing(`Transfer-Encoding: ${value}\r\n`)]);
    assertStatus(400, [
      framing('Content-Length: 6\r\nTransfer-Encoding: chunked\r\n'),
      framing('transfer-encoding: CHUNKED\r\ncontent-length: 0\r\n'),
      framing('Transfer-Encoding: chunked\r\n', '1.0'),
    ]);
  });
});

describe('the connection', () => {
  it('goes on as the version and the client have it', () => {
    assert.equal(served(get('')).keepAlive, true);
    assert.equal(served(get('Connection: Close\r\n')).keepAlive, false);
    assert.equal(served(get('', 'GET /a HTTP/1.0')).keepAlive, false);
    assert.equal(served(get('Connection: Keep-Alive\r\n', 'GET /a HTTP/1.0')).keepAlive, true);
  });

  it('is to become a WebSocket only by a complete handshake', () => {
    const upgrade = (fields: readonly string[], line?: string) =>
      served(get(fields.map((field) => `${field}\r\n`).join(''), line)).handshake;
    const key = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==';
    const version = 'Sec-WebSocket-Version: 13';
    assert.equal(
      upgrade(['upgrade: WebSocket', 'connection: keep-alive, UPGRADE', key, version]),
      'websocket',
    );
    assert.equal(upgrade(['Upgrade: websocket', key, version]), 'none');
    assert.equal(upgrade(['Upgrade: h2c', 'Connection: Upgrade, HTTP2-Settings']), 'none');
    const wanted = ['Upgrade: websocket', 'Connection: Upgrade'];
    for (const fields of [
      [key],
      [version],
      [key, 'Sec-WebSocket-Version: 8'],
      [version, 'Sec-WebSocket-Key: x'],
      [key, version, 'Content-Length: 1'],
      [key, version, 'Upgrade: h2c'],
    ])
      assert.equal(upgrade([...wanted, ...fields]), 'invalid');
    assert.equal(upgrade([...wanted, key, version], 'POST /a HTTP/1.1'), 'invalid');
    assert.equal(upgrade([...wanted, key, version], 'GET /a HTTP/1.0'), 'invalid');
  });
});

describe('the fields of a connection', () => {
  it('are the same whether they are read or remembered, and never shared', () => {
    const memory = createFieldMemory();
    const next = (text: string) => {
      const lines = createHeadLines();
      const state = readHeadLines(text, lines, memory, LIMITS);
      return { state, length: lines.at, fields: lines.fields };
    };
    const fields = 'Host: h\r\nX-A: 1\r\nx-a: 2\r\n\r\n';
    const first = next(`GET /a HTTP/1.1\r\n${fields}`);
    const wanted = structuredClone(first.fields);
    first.fields.values[1] = 'changed';
    const again = next(`POST /longer HTTP/1.0\r\n${fields}behind`);
    assert.deepEqual(again.fields, wanted);
    assert.equal(again.length, `POST /longer HTTP/1.0\r\n${fields}`.length);
    again.fields.names.pop();
    assert.deepEqual(next(`GET /a HTTP/1.1\r\n${fields}`).fields, wanted);
    for (const [other, state, values] of [
      ['Host: h\r\nX-A: 1\r\nx-a: 3\r\n\r\n', 'complete', ['h', '1', '3']],
      ['Host: h\r\nX-A: 1\r\n\r\n', 'complete', ['h', '1']],
      ['Host: h\r\nX-A: 1\r\nx-a: 2\r\n', 'incomplete', ['h', '1', '2']],
      ['Host: h\r\n\r\n', 'complete', ['h']],
      ['\r\n', 'complete', []],
      ['\r\n', 'complete', []],
      [fields, 'complete', ['h', '1', '2']],
    ] as const) {
      const outcome = next(`GET /a HTTP/1.1\r\n${other}`);
      assert.deepEqual([outcome.state, outcome.fields.values], [state, values], JSON.stringify(other));
    }
  });
});
