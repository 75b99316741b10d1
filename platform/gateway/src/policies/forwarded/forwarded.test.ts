import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { linesOf, type TestRequest, testExchange } from '../../../test/exchange.ts';
import type { Refusal } from '../../wire/rules/refusal.ts';
import type { ForwardedHeader } from './config.ts';
import { compileForwarding, strippedPrefix } from './forwarded.ts';

const TRUSTED = ['10.0.0.0/8', '2001:db8::/32'];

function forward(
  request: TestRequest,
  {
    trustedProxies = [] as readonly string[],
    strict = false,
    prefix = '',
    header = 'x-forwarded-for' as ForwardedHeader,
  } = {},
) {
  const exchange = testExchange(request);
  const step = compileForwarding({
    ...{ strict, trustedProxies, pseudonym: 'gw-1' },
    forwardedHeader: header,
    strippedPrefix: prefix,
  });
  const refusal = step(exchange) as Refusal | undefined;
  return { refusal, client: exchange.clientAddress, fields: linesOf(exchange.outgoing.fields) };
}

function client(
  fields: TestRequest['fields'],
  peerAddress = '10.0.0.1',
  header: ForwardedHeader = 'x-forwarded-for',
) {
  const { refusal, client: address } = forward(
    { fields: fields ?? [], peerAddress },
    { trustedProxies: TRUSTED, header },
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
      ['X-Forwarded-Port', '8443'],
      ['X-Forwarded-Prefix', '/eu'],
    ] as const;
    const result = forward({ fields, peerAddress: '10.0.0.1' }, { trustedProxies: TRUSTED, prefix: '/shop' });
    assert.equal(result.client, '198.51.100.7');
    assert.deepEqual(result.fields.slice(0, 6), [
      'x-real-ip: 198.51.100.7',
      'x-forwarded-for: 198.51.100.7, 10.0.0.2, 10.0.0.1',
      'x-forwarded-host: shop.test',
      'x-forwarded-proto: https',
      'x-forwarded-port: 8443',
      'x-forwarded-prefix: /eu/shop',
    ]);
  });

  it('say which part of the path the route took off, to back ends of clients without proxies too', () => {
    const fields = [
      ['X-Forwarded-Prefix', '/made-up'],
      ['X-Forwarded-Port', '6666'],
    ] as const;
    const result = forward({ fields }, { prefix: '/shop' });
    assert.ok(result.fields.includes('x-forwarded-prefix: /shop'));
    assert.ok(!result.fields.some((line) => /made-up|6666/.test(line)), result.fields.join());
    for (const [upstream, downstream, prefix] of [
      ['/shop/{rest}', '/{rest}', '/shop'],
      ['/eu/shop/{rest}?q={q}', '/{rest}?q={q}', '/eu/shop'],
      ['/shop/{rest}', '/shop/{rest}', ''],
      ['/{tenant}/{rest}', '/{rest}', ''],
      ['/shop/{rest}', '/api/{rest}', ''],
      ['/a', '/', ''],
    ] as const)
      assert.equal(strippedPrefix(upstream, downstream), prefix, `${upstream} → ${downstream}`);
  });

  it('never carry on a host or protocol that is none', () => {
    const fields = [
      ['X-Forwarded-For', '198.51.100.7'],
      ['X-Forwarded-Proto', 'javascript'],
      ['X-Forwarded-Host', 'a b'],
      ['X-Forwarded-Port', '80; x'],
      ['X-Forwarded-Prefix', '/../admin'],
    ] as const;
    const result = forward({ fields, peerAddress: '10.0.0.1' }, { trustedProxies: TRUSTED });
    assert.deepEqual(result.fields.slice(2), [
      'x-forwarded-host: shop.test',
      'x-forwarded-proto: http',
      'via: 1.1 gw-1',
    ]);
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

  it('may be told by Forwarded, where that is what the proxies write', () => {
    const by = (text: string) => client([['Forwarded', text]], '10.0.0.1', 'forwarded');
    assert.equal(by('for=1.1.1.1;proto=https, For="10.0.0.2:8080"'), '1.1.1.1');
    assert.equal(by('for="[2001:db9::17]:4711"'), '2001:db9::17');
    assert.equal(by('for=_hidden'), '10.0.0.1');
    const fields = [['Forwarded', 'for=1.1.1.1;proto=https']] as const;
    const options = { trustedProxies: TRUSTED, header: 'forwarded' } as const;
    const result = forward({ fields, peerAddress: '10.0.0.1' }, options);
    assert.equal(result.fields[3], 'x-forwarded-proto: https');
  });

  it('is never told by the field that the proxies do not write: they pass on what clients say there', () => {
    for (const made of ['for=9.9.9.9', 'for=unknown', 'for=9.9.9.9;host=evil.test;proto=http']) {
      const fields = [
        ['Forwarded', made],
        ['X-Forwarded-For', '1.1.1.1'],
        ['X-Forwarded-Proto', 'https'],
      ] as const;
      assert.equal(client(fields), '1.1.1.1');
      const { fields: sent } = forward({ fields, peerAddress: '10.0.0.1' }, { trustedProxies: TRUSTED });
      assert.ok(!sent.some((line) => /9\.9|evil/.test(line)), sent.join());
      assert.ok(sent.includes('x-forwarded-proto: https'));
    }
    assert.equal(client([['Forwarded', 'for=9.9.9.9']]), '10.0.0.1');
    const other = [
      ['Forwarded', 'for=1.1.1.1'],
      ['X-Forwarded-For', '9.9.9.9'],
    ] as const;
    assert.equal(client(other, '10.0.0.1', 'forwarded'), '1.1.1.1');
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
