import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  afterwards,
  answer,
  CONFIG,
  headOf,
  type Pairs,
  recorderOf,
  setUp,
  show,
} from '../../../test/cache.ts';
import { linesOf, type TestRequest, testExchange } from '../../../test/exchange.ts';
import { compileCache } from './compile-cache.ts';

describe('a cached answer', () => {
  it('is given with its fields, its length and its age until it expires', async () => {
    const { lookup, clock } = setUp();
    answer(recorderOf(lookup()), 'hello', [
      ['X-A', '1'],
      ['x-a', '2'],
      ['Age', '3'],
    ]);
    await clock.advance(9_999);
    const found = lookup();
    assert.ok(found.kind === 'hit');
    assert.equal(found.answer.body.toString(), 'hello');
    assert.equal(found.answer.head.bodyBytes, 5);
    assert.equal(found.answer.source, 'back end');
    assert.deepEqual(linesOf(found.answer.head.fields), ['X-A: 1', 'x-a: 2', 'age: 12']);
    found.answer.head.fields.values[0] = 'changed';
    assert.deepEqual((lookup() as typeof found).answer.head.fields.values[0], '1');
    await clock.advance(1);
    assert.equal(lookup().kind, 'miss');
  });

  it('does not hold on to the bytes it was shown', () => {
    const { lookup } = setUp();
    const recorder = recorderOf(lookup());
    const bytes = Buffer.from('good');
    recorder.head(headOf(), '');
    recorder.chunk(bytes);
    bytes.fill('x');
    recorder.complete();
    assert.equal(show(lookup()), '200 good');
  });

  it('is for the same method, host, path, query, scheme, key header and route', () => {
    const { lookup, cache } = setUp({}, { keyFields: ['x-kind'] });
    const same: TestRequest = {
      host: 'Shop.test',
      query: '?a=1',
      fields: [
        ['oc-cache-control', 'v1'],
        ['X-Kind', 'k'],
      ],
    };
    answer(recorderOf(lookup(same)));
    assert.equal(show(lookup({ ...same, host: 'shop.TEST' })), '200 body');
    const others: TestRequest[] = [
      { method: 'HEAD' },
      { host: 'other.test' },
      { path: '/A' },
      { path: '/a%3Fa=1', query: '' },
      { query: '?a=2' },
      { secure: true },
      {
        fields: [
          ['oc-cache-control', 'v2'],
          ['X-Kind', 'k'],
        ],
      },
      { fields: [['oc-cache-control', 'v1']] },
      { fields: [] },
    ];
    for (const other of others)
      assert.equal(lookup({ ...same, ...other }).kind, 'miss', JSON.stringify(other));
    const otherRoute = compileCache(CONFIG, { cache, routeId: 'r2', strict: false, keyFields: [] });
    assert.equal(otherRoute?.lookup(testExchange({ path: '/a', ...same }), undefined).kind, 'miss');
  });

  it('is never one that is not for everybody', () => {
    const hit = '200 body';
    const storable: Pairs[] = [
      [],
      [['Cache-Control', 'public, max-age=60']],
      [['Expires', '-1']],
      [['Pragma', 'no-cache']],
      [['Cache-Control', 'must-revalidate']],
    ];
    for (const fields of storable) assert.equal(afterwards(fields), hit, JSON.stringify(fields));
    const not: Pairs[] = [
      [['Set-Cookie', 'a=b']],
      ...[
        'no-store',
        'NO-STORE',
        'private',
        'private="x-a"',
        'no-cache',
        'no-cache="set-cookie"',
        'max-age=0',
        'max-age="0"',
        'max-age = 00',
        's-maxage=0, max-age=60',
        'max-age=60, s-maxage=0',
        'max-age=60, max-age=0',
        'max-age=-1',
        'max-age=soon',
        'public,private',
      ].map((text): Pairs => [['Cache-Control', text]]),
      [
        ['Cache-Control', 'max-age=60'],
        ['cache-control', 'no-store'],
      ],
      [['Vary', 'accept, *']],
    ];
    for (const fields of not) assert.equal(afterwards(fields), 'miss', JSON.stringify(fields));
    for (const status of [201, 204, 206, 301, 304, 400, 404, 500])
      assert.equal(afterwards([], { status }), 'miss', `${status}`);
  });

  it('is neither read nor written by requests that are somebody’s or for a part', () => {
    const { lookup } = setUp();
    answer(recorderOf(lookup()));
    const names = [
      'Authorization',
      'Cookie',
      'Range',
      'If-Modified-Since',
      'If-Match',
      'If-Range',
      'If-Unmodified-Since',
    ];
    for (const name of names) assert.equal(lookup({ fields: [[name, 'x']] }).kind, 'bypass', name);
    assert.equal(lookup({ framing: { kind: 'chunked' } }).kind, 'bypass');
    assert.equal(lookup({ method: 'POST' }).kind, 'bypass');
    assert.equal(lookup({ handshake: 'websocket' }).kind, 'bypass');
  });

  it('is one for each value of the fields that Vary names, on any line and in any case', () => {
    const { lookup } = setUp();
    const en: TestRequest = { fields: [['Accept-Language', 'en']] };
    const fr: TestRequest = { fields: [['accept-language', 'fr']] };
    const vary: Pairs = [
      ['Vary', 'Accept-Language'],
      ['vary', 'X-B'],
    ];
    answer(recorderOf(lookup(en)), 'english', vary);
    answer(recorderOf(lookup(fr)), 'french', vary);
    answer(recorderOf(lookup({})), 'none', vary);
    answer(recorderOf(lookup({ fields: [['Accept-Language', '']] })), 'empty', vary);
    assert.deepEqual(
      [en, fr, {}].map((request) => show(lookup(request))),
      ['200 english', '200 french', '200 none'],
    );
    assert.equal(
      lookup({
        fields: [
          ['Accept-Language', 'en'],
          ['X-B', '1'],
        ],
      }).kind,
      'miss',
    );
  });

  it('follows a back end that changes its mind about Vary', async () => {
    const { lookup, clock } = setUp();
    const en: TestRequest = { fields: [['Accept-Language', 'en']] };
    answer(recorderOf(lookup(en)), 'english', [['Vary', 'Accept-Language']]);
    await clock.advance(10_000);
    answer(recorderOf(lookup(en)), 'all');
    assert.equal(show(lookup({})), '200 all');
  });

  it('is complete', () => {
    const { lookup } = setUp();
    const short = recorderOf(lookup());
    short.head(headOf([], 200, 10), '');
    short.chunk(Buffer.from('123'));
    short.complete();
    assert.equal(lookup().kind, 'miss');
    const broken = recorderOf(lookup({ path: '/b' }));
    broken.head(headOf(), '');
    broken.chunk(Buffer.from('123'));
    broken.abandon('failed');
    broken.complete();
    assert.equal(lookup({ path: '/b' }).kind, 'miss');
    const head = recorderOf(lookup({ method: 'HEAD' }));
    head.head(headOf([], 200, 10), '');
    head.complete();
    const found = lookup({ method: 'HEAD' });
    assert.ok(found.kind === 'hit' && found.answer.head.bodyBytes === 10);
  });

  it('answers a condition that names its tag with 304', () => {
    const { lookup } = setUp();
    const when = (tag: string): TestRequest => ({ fields: [['If-None-Match', tag]] });
    assert.equal(lookup(when('"1"')).kind, 'bypass');
    answer(recorderOf(lookup()), 'body', [
      ['ETag', 'W/"1"'],
      ['X-A', 'a'],
      ['Cache-Control', 'public'],
    ]);
    for (const tag of ['"1"', 'W/"1"', '"0", "1"', '*']) {
      const found = lookup(when(tag));
      assert.equal(show(found), '304 ');
      assert.ok(found.kind === 'hit');
      assert.deepEqual(linesOf(found.answer.head.fields), ['ETag: W/"1"', 'Cache-Control: public']);
    }
    for (const tag of ['"2"', '1', '']) assert.equal(show(lookup(when(tag))), '200 body', tag);
  });

  it('may depend on the body, with any method', () => {
    const { lookup, policy } = setUp({ hashesBody: true });
    const post: TestRequest = { method: 'POST', framing: { kind: 'length', bytes: 7 } };
    assert.equal(policy.wantsBody(testExchange(post).request), true);
    assert.equal(policy.wantsBody(testExchange({}).request), false);
    assert.equal(
      policy.wantsBody(testExchange({ framing: { kind: 'length', bytes: 2 ** 21 } }).request),
      false,
    );
    answer(recorderOf(lookup(post, Buffer.from('{"a":1}'))), 'one');
    assert.equal(show(lookup(post, Buffer.from('{"a":1}'))), '200 one');
    assert.equal(lookup(post, Buffer.from('{"a":2}')).kind, 'miss');
    assert.equal(lookup(post).kind, 'bypass');
    assert.equal(lookup({ method: 'POST' }).kind, 'miss');
  });

  it('strictly is any answer to anybody', () => {
    const strict = true;
    assert.equal(
      afterwards(
        [
          ['Set-Cookie', 'a'],
          ['Vary', '*'],
        ],
        { status: 500, strict },
      ),
      '500 body',
    );
    assert.equal(
      afterwards([['Cache-Control', 'no-store']], { strict, first: { fields: [['Authorization', 'a']] } }),
      '200 body',
    );
    const post: TestRequest = { method: 'POST', framing: { kind: 'chunked' } };
    assert.equal(afterwards([], { strict, first: post }), '200 body');
    assert.equal(afterwards([], { strict, first: { handshake: 'websocket' } }), 'bypass');
  });
});
