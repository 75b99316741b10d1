import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseTarget } from './target.ts';

function read(raw: string, host: string = 'h') {
  const parsed = parseTarget(raw, host);
  return parsed.ok ? parsed.value : parsed.rejection.status;
}

describe('a request target', () => {
  it('is read as it stands, and canonical where spellings mean the same', () => {
    for (const [raw, path, query] of [
      ['/', '/', ''],
      ['/a/b', '/a/b', ''],
      ['/a/', '/a/', ''],
      ['/a?', '/a', ''],
      ['/a?b=../c?d//e', '/a', '?b=../c?d//e'],
      ['/a?x[]={1}|^`%zz', '/a', '?x[]={1}|^`%zz'],
      ['/a?path=C:\\temp', '/a', '?path=C:\\temp'],
      ['/a[1]|2^.json', '/a[1]|2^.json', ''],
      ["/a!$&'()*+,=:@b-._~", "/a!$&'()*+,=:@b-._~", ''],
      ['/%61%2D%2e%5F%7e', '/a-._~', ''],
      ['/a%3F%23%20%25', '/a%3F%23%20%25', ''],
      ['/100%25zz', '/100%25zz', ''],
      ['/%e6%97%a5', '/%e6%97%a5', ''],
      ['/.well-known/x', '/.well-known/x', ''],
      ['/...', '/...', ''],
      ['http://h/a', '/a', ''],
      ['HTTP://H', '/', ''],
      ['https://h?x', '/', '?x'],
      [`/${'x'.repeat(8_191)}`, `/${'x'.repeat(8_191)}`, ''],
    ] as const)
      assert.deepEqual(read(raw), { path, query, withoutParameters: path }, raw);
  });

  it('keeps its parameters, and says what it would be without', () => {
    for (const [raw, withoutParameters] of [
      ['/a;v=2', '/a'],
      ['/a;x/y;z', '/a/y'],
      ['/a%3Bx/y', '/a/y'],
    ] as const)
      assert.deepEqual(read(raw), { path: raw, query: '', withoutParameters });
  });

  it('says that it hides a slash or an escape, where that is harmless when it is decoded', () => {
    for (const raw of [
      '/a%2fb',
      '/queues/%2F/orders',
      '/%2561',
      '/%25%36%31',
      '/50%25ab.txt',
      '/a%2Fb%252Fc',
    ]) {
      const target = read(raw);
      assert.ok(typeof target === 'object' && target.hidesSlashes, raw);
    }
    for (const raw of ['/a%2F..', '/a%2F%2e%2e%2fb', '/%252e%252e/a', '/a%2F%252e', '/a%255Cb', '/a%2500'])
      assert.equal(read(raw), 400, raw);
    assert.equal((read('/a%20b') as { hidesSlashes?: true }).hidesSlashes, undefined);
  });

  it('is refused when it could be read in two ways', () => {
    for (const raw of [
      '',
      '*',
      'a',
      '//',
      '//h/a',
      '/a//b',
      '/a//',
      '/.',
      '/..',
      '/a/./b',
      '/a/../b',
      '/a/%2e%2e/b',
      '/a/%2E./b',
      '/a/..;/b',
      '/a/..;x',
      '/;/a',
      '/a/;x/b',
      '/a/%3bx/b',
      '/a/%2e%3b/b',
      '/a\\b',
      '/a%5cb',
      '/a%2F..',
      '/a%00',
      '/a%1f',
      '/a%7F',
      '/%zz',
      '/a%2',
      '/a%',
      '/%u0041',
      '/%ff',
      '/%c0%ae',
      '/%ed%a0%80',
      '/%f5%80%80%80',
      '/%e6%97',
      '/a b',
      '/a"',
      '/<a>',
      '/a#b',
      '/a?b#c',
      '/a?b"',
      '/a?b<',
      '/\u00e9',
      '/a?\u00e9',
      '/a\u0100',
      '/a\u0000',
      'http://other/a',
      'http://h:80/a',
      'http://u@h/a',
      'http:///a',
      'http://h//a',
      'ftp://h/a',
      'h:80',
    ])
      assert.equal(read(raw), 400, raw);
    assert.equal(read(`/${'x'.repeat(8_192)}`), 414);
  });

  it('accepts each byte where the rules have it, and nowhere else', () => {
    const inPath = /[A-Za-z0-9\-._~!$&'()*+,;=:@/[\]|^]/;
    const inQuery = /[A-Za-z0-9\-._~!$&'()*+,;=:@/?%[\]{}|^`\\]/;
    for (let code = 0; code < 0x180; code += 1) {
      const character = String.fromCharCode(code);
      const path = inPath.test(character) || character === '?' ? 'object' : 'number';
      assert.equal(typeof read(`/a${character}b`), path, `path ${code}`);
      assert.equal(
        typeof read(`/a?x${character}`),
        inQuery.test(character) ? 'object' : 'number',
        `query ${code}`,
      );
    }
  });

  it('reads its canonical form to itself', () => {
    const parts = ['/', 'a', '%41', '%2e', '.', ';', '%3b', '%20', '%25', '%e6%97%a5', '?', 'x=1', '~', '..'];
    let seed = 11;
    for (let round = 0; round < 20_000; round += 1) {
      let raw = '/';
      for (let part = 0; part < 6; part += 1) {
        seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
        raw += parts[(seed >> 8) % parts.length];
      }
      const once = read(raw);
      if (typeof once === 'number') continue;
      assert.deepEqual(read(once.path + once.query), once, raw);
      assert.doesNotMatch(once.path, /\/\/|\/\.{1,2}(?:\/|$|;)|%(?:[46][1-9a-f]|2e)/i, raw);
    }
  });
});
