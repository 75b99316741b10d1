import assert from 'node:assert/strict';
import { it } from 'node:test';
import { localPath } from './return-address.ts';

const ORIGIN = 'https://shop.test';

it('a login ends at a path of this origin', () => {
  for (const path of ['/', '/basket', '/search?q=a%20b&sort=price', '/p/sku-1#reviews'])
    assert.equal(localPath(path, ORIGIN), path);
  assert.equal(localPath('/a/../basket', ORIGIN), '/basket');
});

it('and nowhere else', () => {
  for (const elsewhere of [
    ...[
      undefined,
      '',
      'basket',
      'https://evil.test/',
      '//evil.test',
      '///evil.test',
      '/\\evil.test',
      '\\\\evil.test',
    ],
    ...[
      '/\t/evil.test',
      '/%09/evil',
      'javascript:alert(1)',
      '/.//evil.test',
      '/a/..//evil.test',
      ' /x',
      '/x\r\nSet-Cookie: a=b',
    ],
    ...[
      'https:evil.test',
      '/@evil.test\\',
      '/bff/logout',
      '/bff',
      '/identity/auth?x',
      '/\u2028',
      `/${'x'.repeat(2_000)}`,
    ],
  ]) {
    const path = localPath(elsewhere, ORIGIN);
    if (elsewhere === '/%09/evil') assert.equal(new URL(path, ORIGIN).origin, ORIGIN);
    else assert.equal(path, '/', JSON.stringify(elsewhere));
  }
});
