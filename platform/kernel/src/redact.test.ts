import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isSecretName, redactedJson, redactText } from './redact.ts';

const JWT = 'eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl';

describe('redacting a text', () => {
  const taken: readonly (readonly [text: string, secret: string])[] = [
    [`authorization: Bearer ${JWT}`, JWT],
    [`GET /orders?access_token=tok-4711-abc&page=2`, 'tok-4711-abc'],
    ['connect ECONNREFUSED postgres://order:pg-pass-1@127.0.0.1:5432/order', 'pg-pass-1'],
    ['{"email":"a@example.com","password":"correct horse"}'.replace(' ', '-'), 'correct-horse'],
    [String.raw`body was {\"clientSecret\":\"cs-998877\",\"x\":1}`, 'cs-998877'],
    ['password=hunter2hunter2; user=alice', 'hunter2hunter2'],
    ['Cookie: sid=s3cr3t; theme=dark', 's3cr3t'],
    ['"set-cookie":"__Host-sid=abcdef; Path=/; HttpOnly"', 'abcdef'],
    ['payment failed for 4111 1111 1111 1111 of alice', '4111 1111 1111 1111'],
    ['pan 5500005555555559 declined', '5500005555555559'],
    ['amex 378282246310005', '378282246310005'],
    ['cvc=737 was wrong', '737'],
    ['{"password":"correct horse battery","a":1}', 'battery'],
    ['{"http.request.header.cookie":["sid=abcdefg"]}', 'abcdefg'],
    ['{"http.request.header.x-api-key":["abcdefg"]}', 'abcdefg'],
    [`token "${JWT}" has expired`, JWT],
    ['Authorization: Basic YWxpY2U6cGFzc3dvcmQ=', 'YWxpY2U6cGFzc3dvcmQ'],
    ['sk_test_51Habcdefgh was refused', 'sk_test_51Habcdefgh'],
    ['X-Api-Key: k-123456', 'k-123456'],
    ['refreshToken=rt-abcdef', 'rt-abcdef'],
    ['https://alice:w0nderland@example.com/', 'w0nderland'],
    ['-----BEGIN PRIVATE KEY-----\nMIIBVQ\n-----END PRIVATE KEY-----', 'MIIBVQ'],
    ['sessionId=01935f3e and more', '01935f3e'],
  ];
  for (const [text, secret] of taken)
    it(`takes out ${secret.slice(0, 12)} of ${JSON.stringify(text.slice(0, 30))}`, () => {
      const clean = redactText(text);
      assert.ok(!clean.includes(secret), clean);
      assert.equal(redactText(clean), clean, 'the same again changes nothing');
    });

  it('keeps JSON what it is', () => {
    const value = {
      a: [{ password: 'x', cvc: 737, token: null, secrets: 2 }],
      text: '{"token":"abcdef"}',
      n: 4111111111111,
    };
    assert.deepEqual(JSON.parse(redactedJson(value)), {
      a: [{ password: '[redacted]', cvc: '[redacted]', token: null, secrets: 2 }],
      text: '{"token":"[redacted]"}',
      n: 4111111111111,
    });
    assert.equal(redactedJson({ 'http.route': '/orders' }), '{"http.route":"/orders"}');
    const textOfBigInt = (_key: string, held: unknown) => (typeof held === 'bigint' ? String(held) : held);
    assert.equal(redactedJson({ token: 1n, at: 2n }, textOfBigInt), '{"token":"[redacted]","at":"2"}');
  });

  it('knows names whose values are secrets', () => {
    for (const name of ['Access-Token', 'clientSecret', 'http.request.header.set-cookie', 'x-api-key'])
      assert.equal(isSecretName(name), true, name);
    for (const name of ['token_type', 'tokens', 'secretary', 'http.route'])
      assert.equal(isSecretName(name), false, name);
  });

  it('leaves what surrounds them', () => {
    assert.equal(
      redactText('GET /orders?access_token=tok-4711-abc&page=2'),
      'GET /orders?access_token=[redacted]&page=2',
    );
    assert.equal(redactText('{"password":"x-x-x-x","a":1}'), '{"password":"[redacted]","a":1}');
    assert.equal(redactText('"cookie":"sid=1; a=2","b":3'), '"cookie":"[redacted]","b":3');
  });

  it('leaves numbers, ids and words that are none', () => {
    for (const text of [
      'order 01935f3e-0000-7000-8000-000000000001 at 1764598000123 and 1764598000123456789',
      'the token has expired',
      'tokens: 4',
      '{"token_type":"Bearer","expires_in":300}',
      '4111 1111 1111 1112',
      'trace 41111111111111114111111111111111',
      'SELECT password_hash FROM account WHERE id = $1',
      'http://127.0.0.1:8080/orders',
    ])
      assert.equal(redactText(text), text);
  });
});
