import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createManualClock } from '@flotilla/kernel/testing';
import type { Answer, AnswerHead } from '../http/answer.ts';
import { fieldsOf, linesOf, type TestRequest, testExchange } from '../test-exchange.ts';
import type { Timers } from '../timers.ts';
import { type CachePolicyDeps, compileCache } from './compile-cache.ts';
import type { CacheConfig } from './options.ts';
import type { Recorder } from './recorder.ts';
import { createResponseCache, type Lookup, type Settled } from './response-cache.ts';
import type { CacheLimits } from './store.ts';

const CONFIG: CacheConfig = {
  ttlMs: 10_000,
  region: 'shop',
  keyHeader: 'OC-Cache-Control',
  hashesBody: false,
  freshness: 'ttl',
  staleWhileRevalidateMs: 0,
  staleIfErrorMs: 0,
  tags: ['product:{id}', 'products'],
};

type Pairs = readonly (readonly [string, string])[];

function setUp(
  changes: Partial<CacheConfig> = {},
  deps: Partial<CachePolicyDeps> & { limits?: CacheLimits } = {},
) {
  const clock = createManualClock();
  const due: (() => void)[] = [];
  const timers: Timers = {
    after: (_, fire) => {
      due.push(fire);
      return { cancel: () => undefined };
    },
    nowMs: 0,
    close: () => undefined,
  };
  const cache = createResponseCache({ clock, timers }, deps.limits);
  const policy = compileCache(
    { ...CONFIG, ...changes },
    { cache, routeId: 'r', strict: false, keyFields: [], ...deps },
  );
  assert.ok(policy);
  const lookup = (request: TestRequest = {}, body?: Buffer) =>
    policy.lookup(testExchange({ path: '/a', ...request }), body);
  return { clock, due, cache, policy, lookup };
}

function headOf(fields: Pairs = [], status = 200, bodyBytes: number | undefined = undefined): AnswerHead {
  return { status, reason: 'OK', fields: fieldsOf(fields), bodyBytes };
}

function recorderOf(found: Lookup | Settled): Recorder {
  assert.equal(found.kind, 'miss');
  return (found as Extract<Settled, { kind: 'miss' }>).recorder;
}

/** The whole answer of a back end; gives whether it is recorded. */
function answer(recorder: Recorder, body = 'body', fields: Pairs = [], status = 200): boolean {
  const isRecorded = recorder.head(headOf(fields, status), 'back end');
  recorder.chunk(Buffer.from(body));
  recorder.complete();
  return isRecorded;
}

function show(found: Lookup | Settled): string {
  if (found.kind !== 'hit') return found.kind;
  return `${found.answer.head.status} ${found.answer.body.toString()}${found.refresh === undefined ? '' : ' refresh'}`;
}

interface Case {
  readonly status?: number;
  readonly first?: TestRequest;
  readonly changes?: Partial<CacheConfig>;
  readonly strict?: boolean;
}

/** What a second, equal request gets after one whose answer was this. */
function afterwards(
  fields: Pairs,
  { status = 200, first = {}, changes = {}, strict = false }: Case = {},
): string {
  const { lookup } = setUp(changes, { strict });
  const found = lookup(first);
  if (found.kind === 'miss') answer(found.recorder, 'body', fields, status);
  return show(lookup(first));
}

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

describe('the lifetime', () => {
  const changes = { freshness: 'origin' } as const;
  const lives = async (fields: Pairs, ms: number) => {
    const { lookup, clock } = setUp(changes);
    answer(recorderOf(lookup()), 'body', fields);
    await clock.advance(ms - 1);
    const before = lookup().kind;
    await clock.advance(1);
    return [before, lookup().kind];
  };
  it('is what the answer says, where it may', async () => {
    const cases: readonly (readonly [Pairs, number])[] = [
      [[['Cache-Control', 'max-age=5']], 5_000],
      [[['Cache-Control', 'max-age=5, s-maxage=20']], 20_000],
      [
        [
          ['Cache-Control', 'max-age=5'],
          ['Age', '3'],
        ],
        2_000,
      ],
      [
        [
          ['Expires', 'Thu, 01 Jan 2026 00:00:30 GMT'],
          ['Date', 'Thu, 01 Jan 2026 00:00:00 GMT'],
        ],
        30_000,
      ],
      [[], 10_000],
    ];
    for (const [fields, ms] of cases)
      assert.deepEqual(await lives(fields, ms), ['hit', 'miss'], JSON.stringify(fields));
    for (const expires of ['-1', '0', 'Thu, 01 Jan 2025 00:00:00 GMT'])
      assert.equal(afterwards([['Expires', expires]], { changes }), 'miss');
  });

  it('may be outlasted: given while a new one is fetched, by one request', async () => {
    const { lookup, clock } = setUp({ staleWhileRevalidateMs: 5_000 });
    answer(recorderOf(lookup()), 'old');
    await clock.advance(10_000);
    const first = lookup();
    assert.equal(show(first), '200 old refresh');
    assert.equal(show(lookup()), '200 old');
    assert.ok(first.kind === 'hit' && first.refresh);
    answer(first.refresh, 'new');
    assert.equal(show(lookup()), '200 new');
    await clock.advance(15_000);
    assert.equal(lookup().kind, 'miss');
  });

  it('is not outlasted for ever when refreshing fails, and not tried all the time', async () => {
    const { lookup, clock } = setUp({ staleWhileRevalidateMs: 5_000 });
    answer(recorderOf(lookup()), 'old');
    await clock.advance(10_000);
    const first = lookup();
    assert.ok(first.kind === 'hit' && first.refresh);
    first.refresh.abandon('failed');
    assert.equal(show(lookup()), '200 old');
    await clock.advance(1_000);
    assert.equal(show(lookup()), '200 old refresh');
  });

  it('may be outlasted in place of an error', async () => {
    const { lookup, clock } = setUp({ staleIfErrorMs: 5_000 });
    answer(recorderOf(lookup()), 'old');
    await clock.advance(10_000);
    const recorder = recorderOf(lookup());
    const waiting = lookup();
    assert.equal(recorder.instead()?.body.toString(), 'old');
    recorder.abandon('failed');
    assert.ok(waiting.kind === 'wait');
    assert.equal(show(await waiting.settled), '200 old');
    assert.equal(show(lookup()), '200 old');
    await clock.advance(1_000);
    const next = recorderOf(lookup());
    await clock.advance(4_000);
    assert.equal(next.instead(), undefined);
  });
});

describe('requests for the same answer', () => {
  const wait = (found: Lookup) => {
    assert.equal(found.kind, 'wait');
    return (found as Extract<Lookup, { kind: 'wait' }>).settled;
  };

  it('wait for the one that fetches it', async () => {
    const { lookup } = setUp();
    const recorder = recorderOf(lookup());
    const others = Array.from({ length: 40 }, () => wait(lookup()));
    answer(recorder, 'one');
    assert.deepEqual(new Set((await Promise.all(others)).map(show)), new Set(['200 one']));
  });

  it('fetch for themselves when it may not be stored, as soon as that is known', async () => {
    const { lookup, clock } = setUp();
    const recorder = recorderOf(lookup());
    const others = [wait(lookup()), wait(lookup())];
    assert.equal(recorder.head(headOf([['Set-Cookie', 'a=b']]), ''), false);
    const settled = await Promise.all(others);
    assert.deepEqual(settled.map(show), ['miss', 'miss']);
    assert.equal(lookup().kind, 'miss', 'and do not wait for each other for a while');
    await clock.advance(1_000);
    lookup();
    assert.equal(lookup().kind, 'wait');
  });

  it('are stored again by whoever gets something that may be', () => {
    const { lookup, cache } = setUp();
    answer(recorderOf(lookup()), 'bad', [], 500);
    answer(recorderOf(lookup()), 'none', [], 404);
    answer(recorderOf(lookup()), 'good');
    assert.equal(show(lookup()), '200 good');
    cache.purge({ all: true });
    lookup();
    assert.equal(lookup().kind, 'wait', 'and wait for each other again');
  });

  it('go on with the next one when the client of the first left', async () => {
    const { lookup } = setUp();
    const recorder = recorderOf(lookup());
    const [second, third] = [wait(lookup()), wait(lookup())];
    recorder.head(headOf(), '');
    recorder.chunk(Buffer.from('half'));
    recorder.abandon('client-gone');
    answer(recorderOf(await second), 'whole');
    assert.equal(show(await third), '200 whole');
  });

  it('are not led by one whose client left', async () => {
    const { policy } = setUp();
    const first = recorderOf(policy.lookup(testExchange(), undefined));
    const state: Answer['state'] = 'gone';
    const gone = { ...testExchange(), answer: { state } as Answer };
    const [second, third] = [
      wait(policy.lookup(gone, undefined)),
      wait(policy.lookup(testExchange(), undefined)),
    ];
    first.abandon('client-gone');
    assert.equal((await second).kind, 'bypass');
    assert.equal((await third).kind, 'miss');
  });

  it('all fetch for themselves after a failure', async () => {
    const { lookup } = setUp();
    const recorder = recorderOf(lookup());
    const others = [wait(lookup()), wait(lookup())];
    recorder.abandon('failed');
    assert.deepEqual((await Promise.all(others)).map(show), ['miss', 'miss']);
  });

  it('do not wait for a body that comes slowly', async () => {
    const { lookup, due } = setUp();
    const recorder = recorderOf(lookup());
    const early = wait(lookup());
    assert.equal(due.length, 0);
    recorder.head(headOf(), '');
    const late = wait(lookup());
    assert.equal(due.length, 1);
    due[0]?.();
    assert.deepEqual([show(await early), show(await late)], ['miss', 'miss']);
    recorder.chunk(Buffer.from('slow'));
    recorder.complete();
    assert.equal(show(lookup()), '200 slow');
  });

  it('of another variant fetch their own', async () => {
    const { lookup } = setUp();
    const recorder = recorderOf(lookup({ fields: [['Accept-Language', 'en']] }));
    const other = wait(lookup({ fields: [['Accept-Language', 'fr']] }));
    answer(recorder, 'english', [['Vary', 'Accept-Language']]);
    assert.equal((await other).kind, 'miss');
  });
});

describe('purging', () => {
  const fill = () => {
    const set = setUp();
    for (const id of ['1', '2', '3']) answer(recorderOf(set.lookup({ path: `/p/${id}`, values: { id } })));
    const kinds = () => ['1', '2', '3'].map((id) => set.lookup({ path: `/p/${id}`, values: { id } }).kind);
    return { ...set, kinds };
  };

  it('takes away what has the tag, the region or the path, or all', () => {
    const byTag = fill();
    assert.equal(byTag.cache.purge({ tag: 'product:2' }), 1);
    assert.deepEqual(byTag.kinds(), ['hit', 'miss', 'hit']);
    assert.equal(fill().cache.purge({ tag: 'products' }), 3);
    assert.equal(fill().cache.purge({ tag: 'product' }), 0);
    assert.equal(fill().cache.purge({ region: 'shop' }), 3);
    assert.equal(fill().cache.purge({ region: 'other' }), 0);
    assert.equal(fill().cache.purge({ prefix: '/p/3' }), 1);
    const { cache } = fill();
    assert.equal(cache.purge({ all: true }), 3);
    assert.deepEqual([cache.entries, cache.bytes], [0, 0]);
  });

  it('also takes what is being fetched, whose answer may be older', async () => {
    const { lookup, cache } = setUp();
    const request: TestRequest = { values: { id: '7' } };
    const recorder = recorderOf(lookup(request));
    const waiting = lookup(request);
    cache.purge({ tag: 'product:7' });
    answer(recorder, 'old');
    assert.ok(waiting.kind === 'wait');
    answer(recorderOf(await waiting.settled), 'new');
    assert.equal(show(lookup(request)), '200 new');
  });
});

describe('memory', () => {
  const limits = { maxEntries: 3, maxBytes: 10_000, maxAnswerBytes: 4_000 };

  it('holds so many answers, and the used ones longest', () => {
    const { lookup, cache } = setUp({}, { limits });
    for (const path of ['/1', '/2', '/3']) answer(recorderOf(lookup({ path })));
    lookup({ path: '/1' });
    answer(recorderOf(lookup({ path: '/4' })));
    assert.deepEqual(
      ['/1', '/3', '/4', '/2'].map((path) => lookup({ path }).kind),
      ['hit', 'hit', 'hit', 'miss'],
    );
    assert.equal(cache.entries, 3);
  });

  it('holds so many bytes, whatever is put in and taken out', async () => {
    const { lookup, cache, clock } = setUp({}, { limits: { ...limits, maxEntries: 50 } });
    let state = 5;
    const random = (below: number) => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
    for (let round = 0; round < 2_000; round += 1) {
      const found = lookup({ path: `/${random(30)}`, fields: [['X-V', String(random(3))]] });
      if (found.kind === 'miss')
        answer(found.recorder, 'x'.repeat(random(4_500)), random(2) === 0 ? [['Vary', 'x-v']] : []);
      if (random(20) === 0) cache.purge({ prefix: `/${random(30)}` });
      if (random(50) === 0) await clock.advance(5_000);
      assert.ok(cache.bytes <= 10_000 && cache.bytes >= 0 && cache.entries <= 50);
    }
    cache.purge({ all: true });
    assert.equal(cache.bytes, 0);
  });

  it('is not given to an answer that is too large, known before or not', () => {
    const { lookup } = setUp({}, { limits });
    assert.equal(recorderOf(lookup()).head(headOf([], 200, 4_001), ''), false);
    answer(recorderOf(lookup()), 'x'.repeat(4_001));
    assert.equal(lookup().kind, 'miss');
  });

  it('is bounded for answers on their way, too', () => {
    const { lookup } = setUp({}, { limits });
    const recorders = ['/1', '/2', '/3', '/4'].map((path) => recorderOf(lookup({ path })));
    for (const recorder of recorders) {
      recorder.head(headOf(), '');
      recorder.chunk(Buffer.alloc(3_000));
    }
    for (const recorder of recorders) recorder.complete();
    assert.equal(lookup({ path: '/4' }).kind, 'miss');
    assert.equal(lookup({ path: '/3' }).kind, 'hit');
    answer(recorderOf(lookup({ path: '/5' })), 'x'.repeat(3_000));
    assert.equal(lookup({ path: '/5' }).kind, 'hit', 'what has ended takes no room');
  });
});
