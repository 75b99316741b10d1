import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { linesOf, type TestRequest, testExchange } from '../../../test/exchange.ts';
import type { Refusal } from '../../wire/rules/refusal.ts';
import { compileForwarding } from './forwarded.ts';

const TRUSTED = ['10.0.0.0/8', '2001:db8::/32'];

function forward(request: TestRequest, { trustedProxies = [] as readonly string[], strict = false } = {}) {
  const exchange = testExchange(request);
  const step = compileForwarding({ strict, trustedProxies, pseudonym: 'gw-1' });
  const refusal = step(exchange) as Refusal | undefined;
  return { refusal, client: exchange.clientAddress, fields: linesOf(exchange.outgoing.fields) };
}

function client(fields: TestRequest['fields'], peerAddress = '10.0.0.1') {
  const { refusal, client: address } = forward(
    { fields: fields ?? [], peerAddress },
    { trustedProxies: TRUSTED },
  );
  return refusal?.code ?? address;
}

describe('forwarding fields', () => {
  it('are the gateway’s own, whatever the client says', () => {
    const fields = [
      ['X-Forwarded-For', '1.1.1.1'],
      ['X-Real-IP', '1.1.1.1'],
      ['X-Forwarded-Host', 'evil.test'],
      ['Forwarded', 'for=1.1.1.1'],
      ['Via', '1.0 other'],
    ] as const;
    assert.deepEqual(forward({ fields, peerAddress: '192.0.2.9', host: 'shop.test:81' }), {
      refusal: undefined,
      client: '192.0.2.9',
      fields: [
        'Via: 1.0 other',
        'x-real-ip: 192.0.2.9',
        'x-forwarded-for: 192.0.2.9',
        'x-forwarded-host: shop.test:81',
        'x-forwarded-proto: http',
        'via: 1.1 gw-1',
      ],
    });
  });

  it('say https and the version of the request', () => {
    const { fields } = forward({ secure: true, version: '2.0' });
    assert.ok(fields.includes('x-forwarded-proto: https'));
    assert.ok(fields.includes('via: 2.0 gw-1'));
  });

  it('are left out strictly', () => assert.deepEqual(forward({}, { strict: true }).fields, []));

  it('carry on what trusted proxies say, from the client on', () => {
    const fields = [
      ['X-Forwarded-For', 'made-up, 198.51.100.7, 10.0.0.2'],
      ['X-Forwarded-Proto', 'ftp, https'],
      ['X-Forwarded-Host', 'www.shop.test'],
    ] as const;
    const result = forward({ fields, peerAddress: '10.0.0.1' }, { trustedProxies: TRUSTED });
    assert.equal(result.client, '198.51.100.7');
    assert.deepEqual(result.fields.slice(0, 4), [
      'x-real-ip: 198.51.100.7',
      'x-forwarded-for: 198.51.100.7, 10.0.0.2, 10.0.0.1',
      'x-forwarded-host: www.shop.test',
      'x-forwarded-proto: https',
    ]);
  });

  it('never carry on a host or protocol that is none', () => {
    const fields = [
      ['X-Forwarded-For', '198.51.100.7'],
      ['X-Forwarded-Proto', 'javascript'],
      ['X-Forwarded-Host', 'a b'],
    ] as const;
    const result = forward({ fields, peerAddress: '10.0.0.1' }, { trustedProxies: TRUSTED });
    assert.deepEqual(result.fields.slice(2, 4), ['x-forwarded-host: shop.test', 'x-forwarded-proto: http']);
  });
});

describe('the client', () => {
  it('is the peer unless the peer is trusted', () => {
    assert.equal(client([['X-Forwarded-For', '1.1.1.1']], '192.0.2.1'), '192.0.2.1');
    assert.equal(client([['X-Forwarded-For', '1.1.1.1']], '10.9.9.9'), '1.1.1.1');
    assert.equal(client([], '10.9.9.9'), '10.9.9.9');
  });

  it('is the first from the right that is not trusted', () => {
    assert.equal(client([['X-Forwarded-For', '1.1.1.1, 2.2.2.2']]), '2.2.2.2');
    assert.equal(
      client([
        ['X-Forwarded-For', '1.1.1.1, 10.0.0.3'],
        ['X-Forwarded-For', '10.0.0.2'],
      ]),
      '1.1.1.1',
    );
    assert.equal(client([['X-Forwarded-For', '10.0.0.4, 10.0.0.3']]), '10.0.0.4');
  });

  it('is the last readable hop when somebody trusted says something else', () => {
    assert.equal(client([['X-Forwarded-For', '1.1.1.1, unknown']]), '10.0.0.1');
    assert.equal(client([['X-Forwarded-For', '1.1.1.1, unknown, 10.0.0.2']]), '10.0.0.2');
    assert.equal(client([['X-Forwarded-For', '']]), '10.0.0.1');
  });

  it('may be written with a port, in brackets, as a mapped address', () => {
    assert.equal(client([['X-Forwarded-For', '1.1.1.1:4711']]), '1.1.1.1');
    assert.equal(client([['X-Forwarded-For', '[2001:db9::1]:80']]), '2001:db9::1');
    assert.equal(client([['X-Forwarded-For', '::ffff:1.1.1.1']]), '1.1.1.1');
  });

  it('may be told by Forwarded', () => {
    assert.equal(client([['Forwarded', 'for=1.1.1.1;proto=https, For="10.0.0.2:8080"']]), '1.1.1.1');
    assert.equal(client([['Forwarded', 'for="[2001:db9::17]:4711"']]), '2001:db9::17');
    assert.equal(client([['Forwarded', 'for=_hidden']]), '10.0.0.1');
    const fields = [['Forwarded', 'for=1.1.1.1;proto=https;host=www.shop.test']] as const;
    const result = forward({ fields, peerAddress: '10.0.0.1' }, { trustedProxies: TRUSTED });
    assert.deepEqual(result.fields.slice(2, 4), [
      'x-forwarded-host: www.shop.test',
      'x-forwarded-proto: https',
    ]);
  });

  it('must be the same in both fields', () => {
    assert.equal(
      client([
        ['Forwarded', 'for=1.1.1.1'],
        ['X-Forwarded-For', '1.1.1.1'],
      ]),
      '1.1.1.1',
    );
    assert.equal(
      client([
        ['Forwarded', 'for=2.2.2.2'],
        ['X-Forwarded-For', '1.1.1.1'],
      ]),
      'ambiguous-forwarding',
    );
    assert.equal(
      client([
        ['Forwarded', 'for=unknown'],
        ['X-Forwarded-For', '1.1.1.1'],
      ]),
      'ambiguous-forwarding',
    );
  });
});

describe('a loop', () => {
  const via = (value: string) => forward({ fields: [['Via', value]] }).refusal?.status;
  it('is seen by the own name, and by nothing else', () => {
    assert.equal(via('1.1 gw-1'), 508);
    assert.equal(via('1.0 other (gw-1), 1.1 gw-1 (comment)'), 508);
    for (const value of ['1.1 gw-10', '1.1 other', '1.1 x-gw-1', 'gw-1', '1.1 other (gw-1)'])
      assert.equal(via(value), undefined, value);
  });
});
