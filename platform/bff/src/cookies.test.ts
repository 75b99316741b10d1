import assert from 'node:assert/strict';
import { it } from 'node:test';
import { cookieNames, forgetCookie, formatCookie, parseCookies } from './cookies.ts';

it('a cookie is tied to its host, and on a loopback address to its port', () => {
  assert.equal(cookieNames('fl', 'https://shop.test').session, '__Host-fl-sid');
  assert.equal(cookieNames('fl', 'https://shop.test:8443').session, '__Host-fl-sid');
  for (const host of ['127.0.0.1', 'localhost', '[::1]', 'shop.localhost'])
    assert.equal(cookieNames('fl', `http://${host}:8080`).session, '__Host-fl-sid-8080');
});

it('there are no sessions where browsers keep no secure cookie', () => {
  for (const origin of [
    'http://shop.test',
    'http://192.168.0.1:8080',
    'http://127.0.0.1.evil.test',
    'http://localhost.evil.test',
  ])
    assert.throws(() => cookieNames('fl', origin), RangeError, origin);
});

it('no script sees it, no plain connection carries it, no domain shares it', () => {
  assert.equal(
    formatCookie('__Host-fl-sid', 'id', { sameSite: 'Strict' }),
    '__Host-fl-sid=id; Path=/; Secure; HttpOnly; SameSite=Strict',
  );
  assert.match(forgetCookie('a', 'Lax'), /^a=; Path=\/; Secure; HttpOnly; SameSite=Lax; Max-Age=0$/);
});

it('one that browsers would drop without a word is refused', () => {
  assert.throws(() => formatCookie('a', 'x'.repeat(4_096), { sameSite: 'Lax' }), RangeError);
});

it('a name that comes twice says nothing', () => {
  assert.deepEqual(
    [...parseCookies('a=1; b=2;c = 3 ; a=4; d; =5; e=f=g')],
    [
      ['b', '2'],
      ['c', '3'],
      ['e', 'f=g'],
    ],
  );
  assert.equal(parseCookies(undefined).size, 0);
});
