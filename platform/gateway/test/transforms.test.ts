import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  asFieldValue,
  asPathSegment,
  asQueryValue,
  compileClaimsToClaims,
  compileClaimsToRequest,
} from '../src/policies/claims/claim-directives.ts';
import type { ClaimDirective, ClaimsConfig } from '../src/policies/claims/config.ts';
import type { HeaderTransform } from '../src/policies/header-transforms/config.ts';
import {
  compileRequestTransforms,
  compileResponseTransforms,
  downstreamBaseUrl,
} from '../src/policies/header-transforms/header-transforms.ts';
import { compileRequestId } from '../src/policies/request-id/request-id.ts';
import type { Origin } from '../src/wire/backend/backend-call.ts';
import { fieldName } from '../src/wire/rules/field-names.ts';
import { appendField } from '../src/wire/rules/fields.ts';
import type { Refusal } from '../src/wire/rules/refusal.ts';
import { fieldsOf, linesOf, type TestRequest, testExchange } from './exchange.ts';

const deps = (warnings: string[] = []) => ({
  baseUrl: 'http://shop.example',
  onWarning: (text: string) => warnings.push(text),
});

function transformRequest(transforms: readonly HeaderTransform[], request: TestRequest): readonly string[] {
  const exchange = testExchange(request);
  assert.equal(compileRequestTransforms(transforms, deps())?.(exchange), undefined);
  return linesOf(exchange.outgoing.fields);
}

describe('transforms of request fields', () => {
  it('are no step when there are none', () => assert.equal(compileRequestTransforms([], deps()), undefined));

  it('replace every occurrence in the first value, as it is written', () => {
    const replace = { kind: 'replace', header: 'Laz', find: '.', replacement: '$&{BaseUrl}' } as const;
    assert.deepEqual(
      transformRequest([replace], {
        fields: [
          ['laz', 'a.b.'],
          ['Laz', '.'],
        ],
      }),
      ['laz: a$&http://shop.exampleb$&http://shop.example', 'Laz: .'],
    );
    assert.deepEqual(transformRequest([replace], { fields: [['Other', '.']] }), ['Other: .']);
    assert.deepEqual(transformRequest([{ ...replace, find: '' }], { fields: [['Laz', 'ab']] }), ['Laz: ab']);
  });

  it('add in place of what the client sent, after all replacements', () => {
    const transforms: readonly HeaderTransform[] = [
      { kind: 'add', header: 'X-A', value: 'ab' },
      { kind: 'replace', header: 'X-A', find: 'a', replacement: 'z' },
    ];
    assert.deepEqual(
      transformRequest(transforms, {
        fields: [
          ['x-a', '1'],
          ['X-A', '2'],
        ],
      }),
      ['x-a: ab'],
    );
    assert.deepEqual(transformRequest(transforms, {}), ['X-A: ab']);
  });

  it('set, append and remove', () => {
    const transforms: readonly HeaderTransform[] = [
      { kind: 'set', header: 'Accept', value: 'text/html, */*' },
      { kind: 'append', header: 'X-Via', value: 'gw' },
      { kind: 'remove', header: 'X-Debug' },
    ];
    const fields = [
      ['X-Via', 'a'],
      ['x-debug', '1'],
      ['accept', 'x'],
      ['Accept', 'y'],
    ] as const;
    assert.deepEqual(transformRequest(transforms, { fields }), [
      'X-Via: a',
      'accept: text/html, */*',
      'X-Via: gw',
    ]);
  });

  it('know placeholders that are the whole value', () => {
    const exchange = testExchange({ peerAddress: '192.0.2.7', host: 'shop.test:81' });
    const values = [
      '{BaseUrl}',
      '{RemoteIpAddress}',
      '{UpstreamHost}',
      '{TraceId}',
      'for={RemoteIpAddress}',
      '{}x{}',
    ];
    const transforms = values.map(
      (value, index): HeaderTransform => ({ kind: 'add', header: `X-${index}`, value }),
    );
    compileRequestTransforms(transforms, deps())?.(exchange);
    assert.deepEqual(exchange.outgoing.fields.values, [
      'http://shop.example',
      '192.0.2.7',
      'shop.test:81',
      exchange.trace.traceId,
      'for={RemoteIpAddress}',
      '{}x{}',
    ]);
  });

  it('leave a field alone, with a warning, for an unknown placeholder or a field that is not theirs', () => {
    const warnings: string[] = [];
    const transforms: readonly HeaderTransform[] = [
      { kind: 'add', header: 'X-A', value: '{Unknown}' },
      ...['Host', 'Content-Length', 'Transfer-Encoding', 'Connection'].map(
        (header): HeaderTransform => ({ kind: 'set', header, value: 'x' }),
      ),
    ];
    assert.equal(compileRequestTransforms(transforms, deps(warnings)), undefined);
    assert.equal(warnings.length, 5);
  });
});

describe('transforms of answer fields', () => {
  const transform = (
    transforms: readonly HeaderTransform[],
    fields: readonly (readonly [string, string])[],
  ) => {
    const answer = fieldsOf(fields);
    compileResponseTransforms(transforms, deps())?.(testExchange(), answer, 'http://10.0.0.1:8080/');
    return linesOf(answer);
  };

  it('are none when there are none', () => assert.equal(compileResponseTransforms([], deps()), undefined));

  it('append what is added', () => {
    const add = { kind: 'add', header: 'X-A', value: '2' } as const;
    assert.deepEqual(transform([add], [['x-a', '1']]), ['x-a: 1', 'X-A: 2']);
  });

  it('replace the address of the back end by that of the gateway', () => {
    const location = {
      kind: 'replace',
      header: 'Location',
      find: '{DownstreamBaseUrl}',
      replacement: '{BaseUrl}',
    } as const;
    const at = (url: string) => transform([location], [['Location', url]])[0];
    assert.equal(at('http://10.0.0.1:8080/pay/1'), 'Location: http://shop.example/pay/1');
    assert.equal(at('http://10.0.0.1:80801/pay'), 'Location: http://10.0.0.1:80801/pay');
    assert.equal(at('/pay'), 'Location: /pay');
  });

  it('know where the back end is', () => {
    const url = (host: string, port: number, secure: boolean) =>
      downstreamBaseUrl({ host, port, secure } as Origin);
    assert.equal(url('a.test', 80, false), 'http://a.test/');
    assert.equal(url('a.test', 443, true), 'https://a.test/');
    assert.equal(url('::1', 8080, false), 'http://[::1]:8080/');
  });
});

describe('the request id', () => {
  const run = (fields: NonNullable<TestRequest['fields']>) => {
    const exchange = testExchange({ fields });
    compileRequestId('X-Request-Id')?.(exchange);
    return { exchange, lines: linesOf(exchange.outgoing.fields) };
  };

  it('needs a key', () => assert.equal(compileRequestId(undefined), undefined));

  it('is the client’s, or the trace id', () => {
    const own = run([['x-request-id', '5a1b']]);
    assert.equal(own.exchange.requestId?.value, '5a1b');
    assert.deepEqual(own.lines, ['x-request-id: 5a1b']);
    const { exchange, lines } = run([]);
    assert.equal(exchange.requestId?.value, exchange.trace.traceId);
    assert.deepEqual(lines, [`X-Request-Id: ${exchange.trace.traceId}`]);
    const empty = run([['X-Request-Id', '']]);
    assert.deepEqual(empty.lines, [`X-Request-Id: ${empty.exchange.trace.traceId}`]);
  });

  it('is one line', () => {
    assert.deepEqual(
      run([
        ['X-Request-Id', 'a'],
        ['X-Request-Id', 'b'],
      ]).lines,
      ['X-Request-Id: a, b'],
    );
  });
});

const whole = (claim: string): ClaimDirective => ({ claim, part: undefined });
const part = (claim: string, index: number, delimiter: string): ClaimDirective => ({
  claim,
  part: { index, delimiter },
});

function directives(
  maps: { readonly [K in keyof ClaimsConfig]?: Readonly<Record<string, ClaimDirective>> },
): ClaimsConfig {
  const map = (record: Readonly<Record<string, ClaimDirective>> = {}) => new Map(Object.entries(record));
  const { toClaims, toHeaders, toQuery, toPath } = maps;
  return {
    toClaims: map(toClaims),
    toHeaders: map(toHeaders),
    toQuery: map(toQuery),
    toPath: map(toPath),
    required: new Map(),
  };
}

describe('claims to claims', () => {
  const run = (config: ClaimsConfig, request: TestRequest) => {
    const exchange = testExchange(request);
    const before = exchange.claims;
    const result = compileClaimsToClaims(config, false)?.(exchange) as Refusal | undefined;
    return { result, before, claims: Object.fromEntries(exchange.claims ?? []) };
  };

  it('set new ones from parts of others, in order, and leave the token’s own as they are', () => {
    const config = directives({
      toClaims: { UserType: part('sub', 0, '|'), Again: whole('UserType'), all: whole('roles') },
    });
    const { claims, before } = run(config, {
      claims: { sub: ['admin|7'], roles: ['a', 'b'], UserType: ['none'] },
    });
    assert.deepEqual(claims, {
      sub: ['admin|7'],
      roles: ['a', 'b'],
      UserType: ['admin'],
      Again: ['admin'],
      all: ['a,b'],
    });
    assert.deepEqual(before?.get('UserType'), ['none']);
  });

  it('refuse without the claim or the part', () => {
    const config = directives({ toClaims: { x: part('sub', 1, '|') } });
    assert.equal(run(config, { claims: { sub: ['admin'] } }).result?.status, 403);
    assert.equal(run(config, { claims: { Sub: ['a|b'] } }).result?.status, 403);
    assert.equal(run(config, {}).result?.status, 403);
  });

  it('are no step without directives', () =>
    assert.equal(compileClaimsToClaims(directives({}), false), undefined));
});

describe('claims to the request', () => {
  const run = (config: ClaimsConfig, request: TestRequest, downstreamTemplate = '/users/{id}') => {
    const exchange = testExchange(request);
    appendField(exchange.outgoing.fields, fieldName('Kept'), '1');
    const step = compileClaimsToRequest(config, { strict: false, downstreamTemplate });
    const result = step?.(exchange) as Refusal | undefined;
    const { fields, query } = exchange.outgoing;
    return {
      status: result?.status,
      lines: linesOf(fields),
      query: Object.fromEntries(query ?? []),
      values: Object.fromEntries(exchange.values),
    };
  };

  it('go into fields, replacing the client’s, into the query and the path', () => {
    const config = directives({
      toHeaders: { CustomerId: whole('customer') },
      toQuery: { q: whole('name') },
      toPath: { id: part('sub', 1, '|') },
    });
    const request = {
      claims: { customer: ['111'], name: ['a b&c=ü'], sub: ['x|7/8'] },
      values: { id: '3' },
      fields: [['customerid', 'forged']],
    } as const;
    assert.deepEqual(run(config, request), {
      status: undefined,
      lines: ['customerid: 111', 'Kept: 1'],
      query: { q: 'a b&c=ü' },
      values: { id: '7%2F8' },
    });
  });

  it('refuse when one is missing; preflights are left alone', () => {
    const config = directives({ toHeaders: { a: whole('a') }, toQuery: { b: whole('b') } });
    assert.equal(run(config, { claims: { a: ['1'] } }).status, 403);
    const fields = [
      ['Origin', 'https://a.test'],
      ['Access-Control-Request-Method', 'PUT'],
    ] as const;
    assert.equal(run(config, { method: 'OPTIONS', fields }).status, undefined);
  });

  it('find no placeholder in the template: 404', () => {
    const config = directives({ toPath: { id: whole('sub') } });
    assert.equal(run(config, { claims: { sub: ['7'] } }, '/users/{Id}').status, 404);
    assert.equal(run(config, {}, '/users/{Id}').status, 403);
  });

  it('refuse values that would be more than values', () => {
    for (const value of ['a\r\nX-Injected: 1', 'a\0', 'ü', '\x7f', 'a\tb'])
      assert.equal(run(directives({ toHeaders: { a: whole('a') } }), { claims: { a: [value] } }).status, 403);
    for (const value of ['a\r\nb', '\0', '\ud800', '\x7f'])
      assert.equal(run(directives({ toQuery: { a: whole('a') } }), { claims: { a: [value] } }).status, 403);
    for (const value of ['', '.', '..', '../x', 'a/..', '..\\x', '..;a', 'a//b', 'a\n', '\udfff'])
      assert.equal(
        run(directives({ toPath: { id: whole('a') } }), { claims: { a: [value] } }).status,
        403,
        value,
      );
  });

  it('whatever they are, stay one value where they go', () => {
    for (let code = 0; code < 0x250; code += 1) {
      const value = `x${String.fromCharCode(code)}y`;
      assert.match(asFieldValue(value) ?? '', /^[\x20-\x7e]*$/);
      const parameter = asQueryValue(value);
      if (parameter !== undefined) assert.equal(decodeURIComponent(encodeURIComponent(parameter)), value);
      const segment = asPathSegment(value);
      if (segment !== undefined) assert.equal(decodeURIComponent(segment), value);
    }
  });
});
