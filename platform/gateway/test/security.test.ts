import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Step } from '../src/exchange.ts';
import { toClaims } from '../src/policies/authentication/providers.ts';
import { compileAuthorization } from '../src/policies/authorization/authorization.ts';
import type { CorsConfig } from '../src/policies/cors/config.ts';
import { compileCors, isExemptFromAuthentication, removeCorsFields } from '../src/policies/cors/cors.ts';
import { compileIpRules } from '../src/policies/ip-rules/ip-rules.ts';
import { compileWebSocketOrigin } from '../src/policies/websocket/websocket-origin.ts';
import type { Refusal } from '../src/wire/rules/refusal.ts';
import { fieldsOf, linesOf, type TestRequest, testExchange } from './exchange.ts';

function run(step: Step | undefined, request: TestRequest): Refusal | undefined {
  assert.ok(step);
  const result = step(testExchange(request));
  assert.ok(!(result instanceof Promise));
  return result;
}

const PREFLIGHT: TestRequest = {
  method: 'OPTIONS',
  fields: [
    ['Origin', 'https://a.test'],
    ['Access-Control-Request-Method', 'PUT'],
  ],
};

describe('IP rules', () => {
  const from = (peerAddress: string, allowed: string[], blocked: string[], exclude = false) =>
    run(compileIpRules({ allowed, blocked, excludeAllowedFromBlocked: exclude }), { peerAddress })?.status;

  it('are no step when nothing is listed', () => {
    assert.equal(compileIpRules(undefined), undefined);
    assert.equal(compileIpRules({ allowed: [], blocked: [], excludeAllowedFromBlocked: true }), undefined);
  });

  it('refuse blocked addresses and pass all others', () => {
    assert.equal(from('10.0.0.1', [], ['10.0.0.0/8']), 403);
    assert.equal(from('11.0.0.1', [], ['10.0.0.0/8']), undefined);
  });

  it('refuse everything that is not allowed once something is', () => {
    assert.equal(from('10.0.0.1', ['10.0.0.1'], []), undefined);
    assert.equal(from('10.0.0.2', ['10.0.0.1'], []), 403);
  });

  it('take allowed addresses off the block list only when asked to', () => {
    const allowed = ['127.0.0.30-50'];
    const blocked = ['127.0.0.1-100'];
    assert.equal(from('127.0.0.35', allowed, blocked), 403);
    assert.equal(from('127.0.0.35', allowed, blocked, true), undefined);
    assert.equal(from('127.0.0.55', allowed, blocked, true), 403);
    assert.equal(from('127.0.1.1', allowed, blocked, true), 403);
  });

  it('refuse an address that cannot be read', () => assert.equal(from('', [], ['10.0.0.1']), 403));

  it('cannot be made of an entry that is no address', () => {
    const config = { allowed: [], blocked: ['10.0.0'], excludeAllowedFromBlocked: false };
    assert.throws(() => compileIpRules(config), /10\.0\.0/);
  });
});

describe('claims', () => {
  it('are texts: one for each item, the JSON of objects, nothing for null', () => {
    const claims = toClaims({
      s: 'x',
      n: 1.5,
      b: false,
      a: ['x', 2, null, { y: 1 }],
      o: { z: [1] },
      none: null,
      e: [],
    });
    const expected = { s: ['x'], n: ['1.5'], b: ['false'], a: ['x', '2', '{"y":1}'], o: ['{"z":[1]}'] };
    assert.deepEqual(Object.fromEntries(claims), expected);
  });

  it('may have names with a meaning to JavaScript', () => {
    const claims = toClaims(JSON.parse('{"__proto__":"x","constructor":"y"}') as Record<string, unknown>);
    assert.deepEqual(
      [...claims],
      [
        ['__proto__', ['x']],
        ['constructor', ['y']],
      ],
    );
  });
});

describe('authorisation', () => {
  const check = (
    rules: { scopes?: string[]; required?: Record<string, string> },
    request: TestRequest,
    strict = false,
  ) =>
    run(
      compileAuthorization(
        { allowedScopes: rules.scopes ?? [], required: new Map(Object.entries(rules.required ?? {})) },
        strict,
      ),
      request,
    );

  it('is no step without rules', () => {
    assert.equal(compileAuthorization({ allowedScopes: [], required: new Map() }, false), undefined);
  });

  it('needs one of the scopes, in a string or an array', () => {
    const scopes = ['read', 'write'];
    assert.equal(check({ scopes }, { claims: { scope: ['openid write'] } }), undefined);
    assert.equal(check({ scopes }, { claims: { scope: ['openid', 'read'] } }), undefined);
    for (const scope of [['writes'], ['openid'], [''], ['openid', 'x read']])
      assert.equal(check({ scopes }, { claims: { scope } })?.status, 403);
    assert.deepEqual(check({ scopes }, {})?.headers, [
      ['www-authenticate', 'Bearer error="insufficient_scope", scope="read write"'],
    ]);
  });

  it('needs every claim with exactly its value', () => {
    const required = { role: 'admin', Tenant: '7' };
    assert.equal(check({ required }, { claims: { role: ['user', 'admin'], Tenant: ['7'] } }), undefined);
    assert.equal(check({ required }, { claims: { role: ['admin'] } })?.status, 403);
    assert.equal(check({ required }, { claims: { role: ['admins'], Tenant: ['7'] } })?.status, 403);
    assert.equal(check({ required }, { claims: { role: ['admin'], tenant: ['7'] } })?.status, 403);
    assert.equal(check({ required }, {})?.status, 403);
  });

  it('compares with the decoded value of a placeholder', () => {
    const required = { sub: '{user}' };
    const claims = { sub: ['ann lee'] };
    assert.equal(check({ required }, { claims, values: { user: 'ann%20lee' } }), undefined);
    assert.equal(check({ required }, { claims, values: { user: 'ann' } })?.status, 403);
    assert.equal(check({ required }, { claims, values: { other: 'ann%20lee' } })?.status, 403);
    assert.equal(check({ required }, { claims: { sub: ['{user}'] }, values: {} })?.status, 403);
  });

  it('lets preflights pass, strictly every OPTIONS', () => {
    const required = { role: 'admin' };
    assert.equal(check({ required }, PREFLIGHT), undefined);
    assert.equal(check({ required }, { method: 'OPTIONS' })?.status, 403);
    assert.equal(check({ required }, { method: 'OPTIONS' }, true), undefined);
    assert.equal(isExemptFromAuthentication(testExchange({ method: 'GET' }).request, true), false);
  });
});

describe('CORS', () => {
  const config: CorsConfig = {
    allowedOrigins: ['https://a.test', 'https://b.test'],
    allowedMethods: ['GET', 'PUT'],
    allowedHeaders: ['Content-Type', 'X-Own'],
    exposedHeaders: ['X-Total'],
    allowCredentials: true,
    maxAgeSeconds: 600,
  };
  const answer = (changes: Partial<CorsConfig>, request: TestRequest) => {
    const exchange = testExchange(request);
    const cors = compileCors({ ...config, ...changes });
    cors?.introduce(exchange);
    const result = cors?.preflight(exchange) as Refusal | undefined;
    return { result, fields: linesOf(exchange.answerFields) };
  };

  it('answers a preflight of an allowed origin', () => {
    assert.deepEqual(answer({}, PREFLIGHT), {
      result: {
        status: 204,
        code: 'preflight',
        text: '',
        headers: [
          ['access-control-allow-methods', 'GET, PUT'],
          ['access-control-max-age', '600'],
          ['access-control-allow-headers', 'Content-Type, X-Own'],
        ],
      },
      fields: [
        'vary: origin',
        'access-control-allow-origin: https://a.test',
        'access-control-allow-credentials: true',
      ],
    });
  });

  it('tells any other origin nothing', () => {
    for (const origin of ['https://a.test.evil', 'https://A.test', 'null', 'http://a.test']) {
      const fields = [
        ['Origin', origin],
        ['Access-Control-Request-Method', 'PUT'],
      ] as const;
      const { result, fields: sent } = answer({}, { method: 'OPTIONS', fields });
      assert.deepEqual(result?.headers, []);
      assert.deepEqual(sent, ['vary: origin']);
    }
  });

  it('lets an allowed origin read ordinary answers', () => {
    assert.deepEqual(answer({}, { fields: [['Origin', 'https://b.test']] }), {
      result: undefined,
      fields: [
        'vary: origin',
        'access-control-allow-origin: https://b.test',
        'access-control-allow-credentials: true',
        'access-control-expose-headers: X-Total',
      ],
    });
    assert.deepEqual(answer({}, {}), { result: undefined, fields: ['vary: origin'] });
  });

  it('is open to all with *, but never with credentials', () => {
    const open = {
      allowedOrigins: ['*'],
      allowCredentials: false,
      allowedHeaders: ['*'],
      allowedMethods: ['*'],
    };
    const { fields } = answer(open, { fields: [['Origin', 'null']] });
    assert.deepEqual(fields, ['access-control-allow-origin: *', 'access-control-expose-headers: X-Total']);
    const asked = [...(PREFLIGHT.fields ?? []), ['Access-Control-Request-Headers', 'x-a, x-b']] as const;
    assert.deepEqual(answer(open, { method: 'OPTIONS', fields: asked }).result?.headers, [
      ['access-control-allow-methods', 'PUT'],
      ['access-control-max-age', '600'],
      ['access-control-allow-headers', 'x-a, x-b'],
    ]);
    assert.throws(() => compileCors({ ...config, allowedOrigins: ['*'] }), RangeError);
  });

  it('passes an OPTIONS that is no preflight on', () => {
    assert.equal(answer({}, { method: 'OPTIONS', fields: [['Origin', 'https://a.test']] }).result, undefined);
  });

  it('takes what the back end says about it away', () => {
    const fields = fieldsOf([
      ['Access-Control-Allow-Origin', '*'],
      ['X-A', '1'],
      ['access-control-max-age', '1'],
    ]);
    removeCorsFields(fields);
    assert.deepEqual(linesOf(fields), ['X-A: 1']);
  });
});

describe('the origin of a WebSocket', () => {
  const status = (origin: string | undefined, host: string, allowed: readonly string[] = []) =>
    run(compileWebSocketOrigin(allowed), {
      handshake: 'websocket',
      host,
      ...(origin !== undefined && { fields: [['Origin', origin]] as const }),
    })?.status;

  it('must be the host', () => {
    assert.equal(status('https://shop.test', 'shop.test'), undefined);
    assert.equal(status('http://Shop.test', 'shop.TEST'), undefined);
    assert.equal(status('http://shop.test', 'shop.test:80'), undefined);
    assert.equal(status('https://shop.test', 'shop.test:443'), undefined);
    assert.equal(status('http://shop.test:8080', 'shop.test:8080'), undefined);
    assert.equal(status('http://[::1]:8080', '[::1]:8080'), undefined);
    const others = [
      'null',
      '',
      'http://evil.test',
      'https://shop.test.evil',
      'https://shop.test:444',
      'ftp://shop.test',
      'http://shop.test/x',
      'http://u@shop.test',
      'shop.test',
      'http://evil.test, http://shop.test',
    ];
    for (const origin of others) assert.equal(status(origin, 'shop.test'), 403, origin);
    assert.equal(status('http://shop.test', 'shop.test:8080'), 403);
  });

  it('or be listed, or absent', () => {
    assert.equal(status('https://App.test', 'shop.test', ['https://app.test']), undefined);
    assert.equal(status(undefined, 'shop.test'), undefined);
    assert.equal(compileWebSocketOrigin(['*']), undefined);
  });

  it('does not matter to other requests', () => {
    assert.equal(run(compileWebSocketOrigin([]), { fields: [['Origin', 'http://evil.test']] }), undefined);
  });
});
